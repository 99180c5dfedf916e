//! Where a text leads.

use super::*;

const CALLBACK: &str = "https://www.example.com/auth/kakao/callback";

fn pages(origins: &[&str], callback: &str) -> Pages {
    let origins = Origins::new(origins.iter().map(|origin| (*origin).to_owned()).collect()).unwrap();
    Pages::new(&origins, callback).unwrap()
}

fn www() -> Pages {
    pages(&["https://www.example.com", "https://m.example.com:8443", "http://localhost:5173"], CALLBACK)
}

#[test]
fn a_page_of_an_allowed_origin_is_returned_to() {
    for (text, page) in [
        ("", "https://www.example.com/"),
        ("/", "https://www.example.com/"),
        ("/shop?item=7&x=%20#reviews", "https://www.example.com/shop?item=7&x=%20#reviews"),
        ("shop", "https://www.example.com/shop"),
        ("?page=2", "https://www.example.com/?page=2"),
        ("/장바구니", "https://www.example.com/%EC%9E%A5%EB%B0%94%EA%B5%AC%EB%8B%88"),
        ("/a/../b", "https://www.example.com/b"),
        ("/?next=https://evil.example/", "https://www.example.com/?next=https://evil.example/"),
        ("https://www.example.com/shop", "https://www.example.com/shop"),
        ("HTTPS://WWW.EXAMPLE.COM:443/shop", "https://www.example.com/shop"),
        ("//www.example.com/shop", "https://www.example.com/shop"),
        ("https://m.example.com:8443/", "https://m.example.com:8443/"),
        ("http://localhost:5173/shop", "http://localhost:5173/shop"),
        ("null", "https://www.example.com/null"),
        ("https:evil.example", "https://www.example.com/evil.example"),
        ("https:/evil.example", "https://www.example.com/evil.example"),
        ("/.//evil.example", "https://www.example.com//evil.example"),
        ("/authors/kakao", "https://www.example.com/authors/kakao"),
        ("/auth/kakaotalk", "https://www.example.com/auth/kakaotalk"),
        ("https://m.example.com:8443/auth/kakao/login", "https://m.example.com:8443/auth/kakao/login"),
    ] {
        assert_eq!(www().resolve(text).as_str(), page, "{text}");
    }
}

#[test]
fn nothing_else_is_however_it_is_spelled() {
    for text in [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "https:\\\\evil.example",
        "http:evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "\u{1}//evil.example",
        "ht\ntps://evil.example",
        "https://www.example.com@evil.example/",
        "https://www.example.com:x@evil.example/",
        "https://user@www.example.com/",
        "https://:password@www.example.com/",
        "https://www.example.com.evil.example/",
        "https://www.example.com./",
        "https://evilwww.example.com/",
        "https://example.com/",
        "https://www.example.com:8443/",
        "https://m.example.com/",
        "http://www.example.com/",
        "https://localhost:5173/",
        "http://localhost/",
        "https://www\u{ff0e}example\u{3002}com\u{2044}@evil.example/",
        "https://evil.example\\@www.example.com/",
        "https://evil.example#@www.example.com/",
        "https://evil.example?@www.example.com/",
        "https://[::1]/",
        "https://2130706433/",
        "javascript:alert(1)",
        "JavaScript://www.example.com/%0aalert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "blob:https://www.example.com/1",
        "filesystem:https://www.example.com/temporary/x",
        "view-source:https://www.example.com/",
        "ftp://www.example.com/",
        "wss://www.example.com/",
        "intent://www.example.com/#Intent;scheme=https;end",
        "about:blank",
        "https://",
        "https://[",
        "/auth/kakao",
        "/auth/kakao/login?next=/",
        "/auth/./kakao/login",
        "/x/../auth/kakao/callback?code=x",
        "/accounts/kakao/login/",
        "https://www.example.com/accounts/kakao/login/callback/",
        &format!("/{}", "a".repeat(MAX_LENGTH)),
        &format!("/{}", "가".repeat(30)),
    ] {
        assert_eq!(www().resolve(text).as_str(), "https://www.example.com/", "{text:?}");
    }
}

#[test]
fn the_longest_address_is_one_of_255_bytes() {
    let longest = format!("https://www.example.com/{}", "a".repeat(MAX_LENGTH - 24));
    assert_eq!(www().resolve(&longest).as_str(), longest);
    assert_eq!(www().resolve(&format!("{longest}a")).as_str(), "https://www.example.com/");
}

#[test]
fn the_default_page_is_of_the_callbacks_origin_if_pages_are_there_and_else_of_the_first_origin() {
    let api = "https://api.example.com/auth/kakao/callback";
    for (origins, callback, page) in [
        (&["https://m.example.com", "https://www.example.com"][..], CALLBACK, "https://www.example.com/"),
        (&["https://m.example.com", "https://www.example.com"], api, "https://m.example.com/"),
    ] {
        let pages = pages(origins, callback);
        assert_eq!(pages.resolve("").as_str(), page);
        assert_eq!(pages.resolve("https://api.example.com/").as_str(), page, "the API's own origin is not allowed");
    }
    for callback in ["", "callback"] {
        let origins = Origins::new(vec!["https://www.example.com".to_owned()]).unwrap();
        assert!(Pages::new(&origins, callback).is_none(), "{callback}");
    }
}

#[test]
fn a_page_is_told_the_reason_of_this_login_only() {
    for (text, page, failed) in [
        ("/shop", "/shop", "/shop?login_error=denied"),
        ("/shop?a=%20b&c#d", "/shop?a=%20b&c#d", "/shop?a=%20b&c&login_error=denied#d"),
        ("/shop?login_error=state", "/shop", "/shop?login_error=denied"),
        ("/shop?a=1&login_error=state&b=2&login_error", "/shop?a=1&b=2", "/shop?a=1&b=2&login_error=denied"),
        ("/shop?my_login_error=1", "/shop?my_login_error=1", "/shop?my_login_error=1&login_error=denied"),
    ] {
        let resolved = www().resolve(text);
        assert_eq!(resolved.as_str(), format!("https://www.example.com{page}"));
        assert_eq!(resolved.with_error("denied"), format!("https://www.example.com{failed}"));
    }
}

//! The stand-in's pages for people: login and consent, logout, and errors. Their flow and colours are like Kakao's, and each
//! says that it is not Kakao: without a logo it cannot serve to deceive anybody.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::data::{App, Person};

const STYLE: &str = "
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; color: #191919; background: #f5f5f5 }
body { margin: 0 }
.bar { padding: .5rem 1rem; background: #191919; color: #fff; text-align: center; font-weight: 600 }
main { max-width: 26rem; margin: 1.5rem auto; padding: 1.5rem; background: #fff; border: 1px solid #e1e1e1; border-radius: 12px }
h1 { margin: 0 0 1rem; font-size: 1.4rem } h2, legend { font-size: 1rem; font-weight: 600 }
ul { padding: 0 } li { list-style: none; margin: .5rem 0; overflow-wrap: anywhere }
small { color: #666; font-weight: 400 }
button { display: block; width: 100%; min-height: 48px; margin: .5rem 0; padding: .5rem 1rem; text-align: left;
  font: inherit; border: 1px solid #d5d5d5; border-radius: 6px; background: #fff; color: inherit; cursor: pointer }
.people { padding: 0; border-top: 1px solid #ededed }
.person { display: flex; align-items: center; gap: .75rem; margin: 0; border: 0; border-bottom: 1px solid #ededed; border-radius: 0 }
.person::before { content: attr(data-initial); flex: none; width: 40px; line-height: 40px; border-radius: 40%; background: #fee500; text-align: center }
.person:hover { background: #fafafa }
.main { border-color: #fee500; background: #fee500; text-align: center } .main small { color: inherit }
.plain { text-align: center }
fieldset { margin: 1rem 0; padding: .25rem 1rem; border: 1px solid #ededed; border-radius: 6px }
label { display: flex; align-items: center; gap: .5rem; min-height: 44px }
a { display: flex; align-items: center; min-height: 44px; color: #4d4d4d }
select { flex: 1; min-width: 0; min-height: 44px; font: inherit }
button:focus-visible, input:focus-visible, select:focus-visible { outline: 3px solid #3b82f6; outline-offset: 2px }";

/// A page with this content.
pub(super) fn frame(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"ko\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style>\
         <div class=\"bar\" role=\"note\">대역 · stand-in, not Kakao</div><main>{body}</main></html>"
    )
}

/// The login page. With `has_to_consent` the only person in `people` is logged in already.
pub(super) fn login(
    app: &App,
    people: &BTreeMap<String, Person>,
    parameters: &HashMap<String, String>,
    has_to_consent: bool,
) -> String {
    let name = app.name;
    let mut body = if has_to_consent {
        format!("<h1>{name}에 동의하고 시작하기<br><small>Consent to start with {name}</small></h1>")
    } else {
        format!("<h1>{name}에 로그인할 계정 선택<br><small>Choose an account to log in to {name}</small></h1>")
    };
    body.push_str("<form method=\"post\">");
    push_hidden(&mut body, parameters);
    body.push_str("<div class=\"people\">");
    for (name, person) in in_order(people) {
        let nickname = nickname(name, person);
        let initial: String = nickname.chars().take(1).collect();
        push(
            &mut body,
            format_args!(
                "<button class=\"person\" name=\"person\" value=\"{}\" data-initial=\"{}\"><span>{} <small>{}</small></span></button>",
                escaped(name),
                escaped(&initial),
                escaped(nickname),
                escaped(&person.about),
            ),
        );
    }
    body.push_str("</div>");
    if has_to_consent {
        let others = parameters.iter().filter(|(name, _)| *name != "prompt");
        let others = others.map(|(name, value)| (name.as_str(), value.as_str())).chain([("prompt", "select_account")]);
        let link = with_query("/oauth/authorize", others);
        push(
            &mut body,
            format_args!(
                "<a href=\"{}\">다른 계정으로 로그인 <small>&nbsp;Use another account</small></a>",
                escaped(&link)
            ),
        );
    }
    body.push_str(CONSENT);
    body.push_str("<button class=\"plain\">취소 <small>Cancel</small></button></form>");
    frame("Kakao (stand-in)", &body)
}

const CONSENT: &str = "<fieldset><legend>동의 항목 <small>what the app receives</small></legend>\
    <label><input type=\"checkbox\" checked disabled><span>[필수] 닉네임, 프로필 사진 <small>nickname, picture</small></span></label>\
    <label><input type=\"checkbox\" name=\"withhold_email\"><span>[선택] 이메일 제공 안 함 <small>do not share the email</small></span></label>\
    </fieldset><label><input type=\"checkbox\" name=\"stay\"><span>로그인 상태 유지 <small>stay logged in at Kakao</small></span></label>";

/// The page of `/oauth/logout`, for a person who is logged in at Kakao.
pub(super) fn logout(parameters: &HashMap<String, String>) -> String {
    let mut body = String::from("<h1>로그아웃<br><small>Log out</small></h1><form method=\"post\">");
    push_hidden(&mut body, parameters);
    body.push_str(
        "<button class=\"main\" name=\"logout_with_kakao\" value=\"true\">카카오계정과 함께 로그아웃 <small>of the Kakao account too</small></button>\
         <button class=\"plain\" name=\"logout_with_kakao\" value=\"false\">이 서비스만 로그아웃 <small>of this service only</small></button></form>",
    );
    frame("Kakao (stand-in)", &body)
}

pub(super) fn refusal(code: &str, text: &str) -> String {
    frame(code, &format!("<h1>{code}</h1><p>{}</p>", escaped(text)))
}

fn push_hidden(body: &mut String, parameters: &HashMap<String, String>) {
    for (name, value) in parameters {
        push(body, format_args!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value)));
    }
}

/// `ryan`, an ordinary user, comes first.
pub(super) fn in_order(people: &BTreeMap<String, Person>) -> Vec<(&String, &Person)> {
    let mut people: Vec<_> = people.iter().collect();
    people.sort_by_key(|(name, person)| (*name != "ryan", person.id));
    people
}

pub(super) fn nickname<'a>(name: &'a str, person: &'a Person) -> &'a str {
    person.account["profile"]["nickname"].as_str().unwrap_or(name)
}

pub(super) fn push(body: &mut String, text: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = body.write_fmt(text);
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Everything except the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The URI with these parameters appended to its query.
pub(super) fn with_query<'a>(uri: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut all = uri.to_owned();
    for (name, value) in parameters {
        let separator = if all.contains('?') { '&' } else { '?' };
        push(&mut all, format_args!("{separator}{name}={}", utf8_percent_encode(value, RESERVED)));
    }
    all
}

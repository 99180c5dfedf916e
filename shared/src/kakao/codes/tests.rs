//! The tables, and what follows from a code.

use super::*;

/// Every code in Kakao's documentation, SDKs and forum, by the party that can solve the problem.
#[test]
fn every_known_code_names_the_party_that_can_solve_it() {
    let people = [
        -2, -4, -101, -102, -103, -401, -402, -421, -422, -423, -451, -452, -453, -480, -481, -501, -504, -530, -531,
        -532,
    ];
    let operator = [-3, -5, -6, -8, -9, -12, -201, -301, -602, -606];
    let kakao = [-1, -7, -603, -9798];
    let none = [-10, -11, -405, -406, -903, -911];
    let of = |belongs: fn(Meaning) -> bool| -> Vec<i64> {
        API.iter().filter(|(_, meaning)| belongs(*meaning)).map(|(code, _)| *code).collect()
    };
    assert_eq!(of(|meaning| meaning == Rejected), people);
    assert_eq!(of(|meaning| matches!(meaning, Misconfigured(_))), operator);
    assert_eq!(of(|meaning| matches!(meaning, Hiccup | Maintenance)), kakao);
    assert_eq!(of(|meaning| matches!(meaning, Quota | Underage | Unknown)), none);

    let people = ["KOE005", "KOE203", "KOE204", "KOE207", "KOE303", "KOE310", "KOE320", "KOE322", "KOE400"];
    let operator = [
        "KOE001", "KOE002", "KOE004", "KOE006", "KOE007", "KOE008", "KOE009", "KOE010", "KOE023", "KOE101", "KOE102",
        "KOE114", "KOE123", "KOE124", "KOE125", "KOE126", "KOE127", "KOE201", "KOE202", "KOE205", "KOE319",
    ];
    let of = |belongs: fn(Meaning) -> bool| -> Vec<&str> {
        AUTH.iter().filter(|(_, meaning)| belongs(*meaning)).map(|(code, _)| *code).collect()
    };
    assert_eq!(of(|meaning| meaning == Rejected), people);
    assert_eq!(of(|meaning| matches!(meaning, Misconfigured(_))), operator);
    assert_eq!(of(|meaning| !matches!(meaning, Rejected | Misconfigured(_))), ["KOE003", "KOE237"]);
}

#[test]
fn the_error_decides_where_the_code_is_not_known() {
    let meaning = |code, error| of_auth(code, error).map(|failure| failure.meaning);
    for code in [None, Some("KOE999"), Some("")] {
        assert_eq!(meaning(code, Some("invalid_grant")), Some(Rejected), "{code:?}");
        assert_eq!(meaning(code, Some("invalid_client")), Some(SECRET), "{code:?}");
        assert_eq!(meaning(code, Some("server_error")), Some(Hiccup), "{code:?}");
        assert_eq!(meaning(code, Some("invalid_request")), None, "{code:?}: a quota, or a parameter");
        assert_eq!(meaning(code, None), None, "{code:?}");
    }
    assert_eq!(meaning(Some("KOE010"), Some("invalid_grant")), Some(SECRET), "a known code goes first");
    assert_eq!(meaning(Some("KOE320"), None), Some(Rejected));
}

#[test]
fn only_a_failure_that_affects_all_users_is_an_outage() {
    assert!(API.iter().all(|(code, meaning)| meaning.is_outage() == (*code == -9798)));
    assert!(AUTH.iter().chain(AUTH_ERRORS).all(|(_, meaning)| !meaning.is_outage()));
    assert_eq!(of_api(-31_337).meaning, Unknown);
    for (code, expected) in [(-1, Meaning::Down), (-31_337, Meaning::Down), (-401, Rejected), (-10, Quota)] {
        assert_eq!(of_api(code).with_server_error().meaning, expected, "{code} with a 5xx");
    }
}

#[test]
fn another_apps_state_is_not_our_operators_to_correct() {
    for (code, _) in API {
        let (ours, any) = (of_api(*code), of_api(*code).of_any_app());
        let about_the_app = [-3, -5, -6, -12, -301].contains(code);
        assert_eq!(any.meaning, if about_the_app { Unknown } else { ours.meaning }, "{code}");
    }
}

#[test]
fn a_text_of_kakaos_is_never_repeated() {
    for failure in [of_auth(Some("KOE999 code=secret"), Some("secret")), of_auth(Some("secret"), Some("invalid_grant"))]
    {
        let error = failure.map(KakaoError::from).map(|error| error.to_string());
        assert!(error.is_none_or(|error| !error.contains("secret")));
    }
}

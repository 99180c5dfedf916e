//! The stand-in's pages: choose a person to log in as, and switch faults on and off.

use std::{collections::BTreeMap, collections::HashMap, fmt::Write, sync::Arc};

use axum::{extract::State, response::Html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    Standin,
    data::{APPS, Person, SHOP},
    events::EVENT_TYPES,
    webhooks::Webhooks,
};

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 30rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem } ul { padding: 0 } li { list-style: none; margin: .5rem 0; overflow-wrap: anywhere }
small { opacity: .75 }
button { display: block; width: 100%; min-height: 44px; margin: .5rem 0; padding: .5rem 1rem; text-align: left;
  font: inherit; border: 1px solid #8884; border-radius: 12px; background: #8881; color: inherit; cursor: pointer }
button:first-of-type.person { background: #fee500; color: #000000d9; border-color: #fee500 }
label { display: flex; align-items: center; gap: .5rem; min-height: 44px }
select { flex: 1; min-width: 0; min-height: 44px; font: inherit }
button:focus-visible, input:focus-visible, select:focus-visible { outline: 3px solid #3b82f6; outline-offset: 2px }";

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"ko\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style><main>{body}</main></html>"
    )
}

pub(super) fn authorize(people: &BTreeMap<String, Person>, parameters: &HashMap<String, String>) -> String {
    let mut body = String::from(
        "<h1>누구로 로그인할까요?<br><small>Choose a user to log in as (a stand-in for Kakao)</small></h1><form method=\"post\">",
    );
    for (name, value) in parameters {
        push(
            &mut body,
            format_args!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value)),
        );
    }
    for (name, person) in in_order(people) {
        push(
            &mut body,
            format_args!(
                "<button class=\"person\" name=\"person\" value=\"{}\">{} <small>{}</small></button>",
                escaped(name),
                escaped(nickname(name, person)),
                escaped(&person.about),
            ),
        );
    }
    body.push_str(
        "<label><input type=\"checkbox\" name=\"withhold_email\"> 이메일 제공 안 함 <small>do not share the email</small></label>",
    );
    body.push_str("<button>취소 <small>Cancel</small></button></form>");
    page("Kakao (stand-in)", &body)
}

/// `ryan`, an ordinary user, comes first.
fn in_order(people: &BTreeMap<String, Person>) -> Vec<(&String, &Person)> {
    let mut people: Vec<_> = people.iter().collect();
    people.sort_by_key(|(name, person)| (*name != "ryan", person.id));
    people
}

fn nickname<'a>(name: &'a str, person: &'a Person) -> &'a str {
    person.account["profile"]["nickname"].as_str().unwrap_or(name)
}

pub(super) fn refusal(code: &str, text: &str) -> String {
    page(code, &format!("<h1>{code}</h1><p>{}</p>", escaped(text)))
}

/// `GET /`: buttons that switch faults on and off and that send webhooks, and lists of users and apps.
pub(super) async fn home(State(standin): State<Arc<Standin>>) -> Html<String> {
    let (people, unlinked, faults, webhooks) = {
        let data = standin.data();
        let faults = data.faults.iter().map(|rule| rule.endpoint.as_str()).collect::<Vec<_>>().join(", ");
        (data.people.clone(), data.unlinked.clone(), faults, webhooks(&data.people, &data.webhooks))
    };
    let now = if faults.is_empty() {
        "정상 <small>no faults</small>".to_owned()
    } else {
        format!("고장 <small>faults</small>: {}", escaped(&faults))
    };
    let mut body = format!("<h1>카카오 대역 <small>A stand-in for Kakao</small></h1><p>{now}</p>");
    let switches = [
        ("느림 <small>slow: 10 s</small>", r#"{"kind":"slow","milliseconds":10000}"#),
        ("중단 <small>down</small>", r#"{"kind":"down"}"#),
        ("쿼터 초과 <small>quota exceeded</small>", r#"{"kind":"quota"}"#),
        ("엉뚱한 응답 <small>nonsense response</small>", r#"{"kind":"nonsense"}"#),
    ];
    for (label, fault) in switches {
        push(&mut body, format_args!("<button data-fault=\"{}\">{label}</button>", escaped(fault)));
    }
    body.push_str("<button data-fault=\"\">복구 <small>clear faults</small></button>");
    body.push_str(&webhooks);
    body.push_str("<h2>사용자 <small>Users</small></h2><ul>");
    for (name, person) in in_order(&people) {
        let is_linked = person.linked && !unlinked.contains(&(name.clone(), SHOP.app_id));
        push(
            &mut body,
            format_args!(
                "<li><b>{}</b> {} <small>{}, {}{}</small></li>",
                escaped(name),
                escaped(nickname(name, person)),
                person.id,
                escaped(&person.about),
                if is_linked { "" } else { ", 연결 안 됨 not linked" }
            ),
        );
    }
    body.push_str("</ul><h2>앱 <small>Apps</small></h2><ul>");
    for app in APPS {
        let (oidc, secret) =
            (if app.oidc { "on" } else { "off" }, if app.client_secret.is_empty() { "off" } else { "on" });
        push(
            &mut body,
            format_args!(
                "<li><b>{}</b> {} <small>REST API key {}, OpenID Connect {oidc}, client secret {secret}</small></li>",
                app.name, app.app_id, app.rest_api_key
            ),
        );
    }
    body.push_str("</ul>");
    body.push_str(SCRIPT);
    Html(page("Kakao (stand-in)", &body))
}

const SCRIPT: &str = "<script>
const post = (path, body) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
const user = document.querySelector('select')
user.value = sessionStorage.user ?? user.value
for (const button of document.querySelectorAll('button')) button.onclick = async () => {
  const { fault, event } = button.dataset
  sessionStorage.user = user.value
  if (fault) await post('/control/faults', `{\"fault\":${fault}}`)
  else if (fault === '') await fetch('/control/faults', { method: 'DELETE' })
  else if (event) await post('/control/webhooks/events', JSON.stringify({ user: user.value, events: [event] }))
  else await post('/control/webhooks/unlink', JSON.stringify({ user: user.value }))
  location.reload()
}</script>";

/// The choice of a person, a button for each webhook about them, and what was sent last.
fn webhooks(people: &BTreeMap<String, Person>, webhooks: &Webhooks) -> String {
    let mut body = String::from("<h2>웹훅 <small>Webhooks</small></h2><label>누구 <small>about</small> <select>");
    for (name, person) in in_order(people) {
        let (name, nickname) = (escaped(name), escaped(nickname(name, person)));
        push(&mut body, format_args!("<option value=\"{name}\">{nickname} ({name})</option>"));
    }
    body.push_str(
        "</select></label><button data-unlink>앱 연결 끊기 <small>unlink the app, then send the unlink webhook</small></button>\
         <details><summary>계정 상태 이벤트 <small>account status events, without a change here</small></summary>",
    );
    for uri in EVENT_TYPES {
        let name = uri.rsplit('/').next().unwrap_or_default();
        push(&mut body, format_args!("<button data-event=\"{name}\">{name}</button>"));
    }
    body.push_str("</details><ul>");
    for webhook in webhooks.newest().take(SHOWN) {
        push(&mut body, format_args!("<li><small>{}</small></li>", escaped(&webhook.summary())));
    }
    body.push_str("</ul>");
    body
}

/// How many webhooks the page shows.
const SHOWN: usize = 5;

fn push(body: &mut String, text: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = body.write_fmt(text);
}

fn escaped(text: &str) -> String {
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

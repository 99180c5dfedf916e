//! The stand-in's home page: switches faults on and off, sends webhooks, lists users and apps. Kakao has none.

use std::{collections::BTreeMap, sync::Arc};

use axum::{extract::State, response::Html};

use super::{
    Standin,
    data::{APPS, Person, SHOP},
    events::EVENT_TYPES,
    page::{escaped, frame, in_order, nickname, push},
    webhooks::Webhooks,
};

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
    Html(frame("Kakao (stand-in)", &body))
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

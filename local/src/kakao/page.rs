//! The stand-in's pages: who to be, and what is to go wrong.

use std::{collections::BTreeMap, collections::HashMap, fmt::Write, sync::Arc};

use axum::{extract::State, response::Html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Standin, data::Person};

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 30rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem }
small { opacity: .75 }
button { display: block; width: 100%; min-height: 44px; margin: .5rem 0; padding: .5rem 1rem; text-align: left;
  font: inherit; border: 1px solid #8884; border-radius: 12px; background: #8881; color: inherit; cursor: pointer }
button:first-of-type.person { background: #fee500; color: #000000d9; border-color: #fee500 }
label { display: flex; align-items: center; gap: .5rem; min-height: 44px }
button:focus-visible, input:focus-visible { outline: 3px solid #3b82f6; outline-offset: 2px }";

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"ko\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style><main>{body}</main></html>"
    )
}

pub(super) fn authorize(people: &BTreeMap<String, Person>, parameters: &HashMap<String, String>) -> String {
    let mut body = String::from(
        "<h1>누구로 로그인할까요?<br><small>Who signs in? (a stand-in for Kakao)</small></h1><form method=\"post\">",
    );
    for (name, value) in parameters {
        push(
            &mut body,
            format_args!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value)),
        );
    }
    let mut ordered: Vec<_> = people.iter().collect();
    ordered.sort_by_key(|(name, person)| (*name != "ryan", person.id));
    for (name, person) in ordered {
        let nickname = person.account["profile"]["nickname"].as_str().unwrap_or(name);
        push(
            &mut body,
            format_args!(
                "<button class=\"person\" name=\"person\" value=\"{}\">{} <small>{}</small></button>",
                escaped(name),
                escaped(nickname),
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

pub(super) fn refusal(code: &str, text: &str) -> String {
    page(code, &format!("<h1>{code}</h1><p>{}</p>", escaped(text)))
}

/// `GET /`: switches for a person.
pub(super) async fn home(State(standin): State<Arc<Standin>>) -> Html<String> {
    let faults = standin.data().faults.keys().cloned().collect::<Vec<_>>().join(", ");
    let now = if faults.is_empty() {
        "정상 <small>all is well</small>".to_owned()
    } else {
        format!("고장: {}", escaped(&faults))
    };
    let mut body = format!("<h1>카카오 대역 <small>A stand-in for Kakao</small></h1><p>{now}</p>");
    let switches = [
        ("느림 <small>slow: 10 s</small>", r#"{"kind":"slow","milliseconds":10000}"#),
        ("중단 <small>down</small>", r#"{"kind":"down"}"#),
        ("쿼터 초과 <small>quota</small>", r#"{"kind":"quota"}"#),
        ("엉뚱한 답 <small>nonsense</small>", r#"{"kind":"nonsense"}"#),
    ];
    for (label, fault) in switches {
        push(&mut body, format_args!("<button data-fault=\"{}\">{label}</button>", escaped(fault)));
    }
    body.push_str(
        "<button data-fault=\"\">복구 <small>heal</small></button><script>
for (const button of document.querySelectorAll('button')) button.onclick = async () => {
  const fault = button.dataset.fault
  await fetch('/control/faults', fault
    ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: `{\"fault\":${fault}}` }
    : { method: 'DELETE' })
  location.reload()
}</script>",
    );
    Html(page("Kakao (stand-in)", &body))
}

fn push(body: &mut String, text: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = body.write_fmt(text);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(super) fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

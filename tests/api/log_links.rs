//! The log and the table are searched for the links and tokens of linked sessions, which must not be there.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    Chain, Stack,
    chain::{confirmed, link, parts},
    client::{Response, cookie_pair},
    fault_proxy::Fault,
};

use crate::recorder::{Log, line_of};

const PACE: Duration = Duration::from_secs(15);

/// Every text that a client and the functions exchanged.
#[derive(Default)]
struct Exchanged(Vec<String>);

impl Exchanged {
    fn note(&mut self, chain: &Chain) {
        self.0.extend([chain.token.clone(), chain.next.clone(), chain.access.clone()]);
        self.0.extend(chain.prev.clone());
    }

    fn note_response(&mut self, response: &Response) {
        self.0.extend(confirmed(response));
        self.0.extend(response.body["access"].as_str().map(ToOwned::to_owned));
    }
}

/// Sends what clients and thieves may send, and returns the outcomes.
async fn everything(stack: &Stack, log: &Log, exchanged: &mut Exchanged) -> Vec<String> {
    let mut outcomes = Vec::new();
    let mut keep = |response: &Response, exchanged: &mut Exchanged| {
        exchanged.note_response(response);
        outcomes.push(line_of(log, response)["outcome"].as_str().unwrap().to_owned());
    };
    let mut body = stack.kakao.code_body(&stack.kakao.new_user().await).await;
    let first_link = link();
    body["link"] = json!(first_link);
    let logged_in = stack.login(&body).await;
    let mut chain = Chain::begun(&logged_in);
    keep(&logged_in, exchanged);
    keep(&stack.login(&body).await, exchanged);
    let lost = Chain { prev: None, next: first_link, ..chain.clone() };
    exchanged.note(&lost);
    keep(&lost.ask(stack).await, exchanged);
    let mut past = Vec::new();
    for _ in 0..3 {
        exchanged.note(&chain);
        keep(&chain.ask(stack).await, exchanged);
        stack.advance(PACE);
        past.push(chain.clone());
        keep(&chain.renew(stack).await, exchanged);
    }
    exchanged.note(&chain);
    let fork = Chain { next: link(), ..past[2].clone() };
    exchanged.note(&fork);
    let made_up = Chain { prev: Some("canary".repeat(8)), next: link(), ..chain.clone() };
    exchanged.note(&made_up);
    let malformed = Chain { next: "canary-link".to_owned(), ..chain.clone() };
    for links in [&past[2], &past[1], &past[0], &made_up, &malformed] {
        keep(&links.ask(stack).await, exchanged);
        for scope in ["all", "others"] {
            if links.next == past[2].next {
                continue;
            }
            let path = format!("/auth/logout?scope={scope}");
            keep(&stack.send(links.request(stack, &path, &json!({"link": links.links()}))).await, exchanged);
        }
    }
    let query = format!("/auth/refresh?link={}", chain.next);
    let request = stack.request(Method::POST, &query).header("cookie", cookie_pair(&chain.token));
    keep(&stack.send(request.header("user-agent", &chain.next)).await, exchanged);
    keep(&stack.refresh_with_user(&chain.token).await, exchanged);
    for fault in [Fault::Down, Fault::Throttle, Fault::Deny, Fault::FailAfter] {
        stack.table_proxy.fail(fault);
        keep(&chain.ask(stack).await, exchanged);
        keep(&lost.ask(stack).await, exchanged);
        keep(&stack.login(&body).await, exchanged);
        stack.table_proxy.heal();
    }
    keep(&fork.ask(stack).await, exchanged);
    keep(&chain.ask(stack).await, exchanged);
    keep(&stack.logout(&chain.token).await, exchanged);
    outcomes
}

#[tokio::test]
async fn no_link_and_no_token_of_a_linked_session_is_logged_or_kept() {
    let log = Log::start();
    let stack = Stack::start().await;
    let mut exchanged = Exchanged::default();
    let outcomes = everything(&stack, &log, &mut exchanged).await;
    for outcome in [
        "logged_in", "logged_in_again", "repeated", "current", "grown", "late", "stale", "unlinked", "link_required",
        "link_stale", "invalid_request", "unavailable", "reuse",
    ] {
        assert!(outcomes.iter().any(|found| found == outcome), "{outcome}: {outcomes:?}");
    }
    let Exchanged(mut texts) = exchanged;
    texts.push("canary".to_owned());
    let (text, items) = (log.text(), stack.dump().await);
    let raw = texts.iter().filter(|text| text.len() == 48 && !text.contains("canary")).map(|text| parts(text).1);
    let texts: Vec<String> = texts.iter().cloned().chain(raw).collect();
    assert!(texts.iter().filter(|text| text.len() == 22).count() > 8 && texts.len() > 40, "{}", texts.len());
    let dump = format!("{items:?}");
    for secret in &texts {
        // Not even a signature or a tag, without the rest.
        let tail = &secret[secret.len().saturating_sub(12)..];
        assert!(!text.contains(tail), "{secret} is in the log");
        assert!(!dump.contains(tail), "{secret} is in the table");
    }
    let links = texts.iter().filter(|text| text.len() == 22);
    let links: Vec<Vec<u8>> = links.map(|link| BASE64_URL_SAFE_NO_PAD.decode(link).unwrap()).collect();
    for value in items.iter().flat_map(|item| item.values()).filter_map(|value| value.as_b().ok()) {
        assert!(!links.iter().any(|link| value.as_ref().windows(16).any(|bytes| bytes == link)), "only its hash is");
    }
}

/// An operator finds the client's session by its pseudonym, and a metric filter the event.
#[tokio::test]
async fn a_line_of_a_linked_session_names_it_by_pseudonym() {
    let log = Log::start();
    let stack = Stack::start().await;
    let mut chain = stack.log_in_linked().await;
    stack.advance(PACE);
    let grown = line_of(&log, &chain.renew(&stack).await);
    let unlinked = line_of(&log, &stack.refresh(&chain.token).await);
    for line in [&grown, &unlinked] {
        for name in ["user", "session"] {
            assert!(line[name].as_str().is_some_and(|value| !value.is_empty()), "{name}: {line}");
        }
        assert!(!line.to_string().contains(&chain.session()), "{line}");
    }
    assert_eq!(grown["session"], unlinked["session"]);
    assert_eq!((&unlinked["level"], &unlinked["http_status"]), (&json!("INFO"), &json!(403)));
    assert_eq!(unlinked["calls"], Value::Array(Vec::new()), "without a call");
}

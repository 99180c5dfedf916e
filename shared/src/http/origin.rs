//! Whether a request came through the edge stack, and whose it is: the edge stack shows a secret, and only then its word about the
//! caller counts.

use std::net::IpAddr;

use lambda_http::{
    Request,
    http::{HeaderMap, HeaderValue},
};

use super::event::SourceIp;
use crate::{error::Error, secret_hashes::SecretHashes};

const SECRET: &str = "x-origin-secret";
const CALLER: &str = "x-viewer-ip";

/// Lets only requests of the edge stack pass. Without a secret there is no edge stack, and every request passes.
#[derive(Debug)]
pub struct OriginCheck(SecretHashes);

impl OriginCheck {
    /// Takes the hashes of the secret.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn new(hashes: SecretHashes) -> Result<Self, String> {
        // A third one is left over, and lets in what should be locked out.
        if hashes.len() > 2 {
            Err("there may be two hashes, the old one and the new one".to_owned())
        } else {
            Ok(Self(hashes))
        }
    }

    /// Checks a request, and takes the headers of the edge stack out of it, whoever sent them. The request's [`SourceIp`] and the
    /// result are the caller's address if the edge stack says it: the gateway saw `CloudFront`'s.
    ///
    /// # Errors
    ///
    /// [`Error::WrongAddress`].
    pub(super) fn check(&self, request: &mut Request) -> Result<Option<IpAddr>, Error> {
        let (secret, caller) = (take(request.headers_mut(), SECRET), take(request.headers_mut(), CALLER));
        if self.0.is_empty() {
            return Ok(None);
        }
        let secret = secret.as_ref().and_then(|secret| secret.to_str().ok());
        if !secret.is_some_and(|secret| self.0.contains(&secret.into())) {
            return Err(Error::WrongAddress);
        }
        let caller: Option<IpAddr> = caller.and_then(|caller| caller.to_str().ok()?.parse().ok());
        request.extensions_mut().remove::<SourceIp>();
        if let Some(ip) = caller {
            request.extensions_mut().insert(SourceIp(ip));
        }
        Ok(caller)
    }
}

/// Removes every header of this name. Returns its value if there was exactly one. The gateway joins several of a client's with commas,
/// which makes neither a secret nor an address.
fn take(headers: &mut HeaderMap, name: &str) -> Option<HeaderValue> {
    let is_one = headers.get_all(name).iter().count() == 1;
    headers.remove(name).filter(|_| is_one)
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, http::HeaderName};

    use super::*;

    const GATEWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

    /// What is left of a request with these headers, and what the check said.
    fn checked(secrets: &[&str], headers: &[(&'static str, &str)]) -> (Result<Option<String>, Error>, Option<String>) {
        let hashes: Vec<String> = secrets.iter().map(|secret| SecretHashes::hash_of(&(*secret).into())).collect();
        let check = OriginCheck::new(SecretHashes::read(&hashes.join(",")).unwrap()).unwrap();
        let mut request = Request::new(Body::Empty);
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        request.headers_mut().append("x-other", HeaderValue::from_static("kept"));
        request.extensions_mut().insert(SourceIp(GATEWAY));
        let caller = check.check(&mut request).map(|caller| caller.map(|ip| ip.to_string()));
        let names: Vec<&str> = request.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-other"], "nothing after the check sees the headers of the edge stack: {headers:?}");
        (caller, request.extensions().get::<SourceIp>().map(|SourceIp(ip)| ip.to_string()))
    }

    #[test]
    fn a_request_passes_with_any_one_of_the_secrets() {
        for (secrets, sent, passes) in [
            (&["old", "new"][..], "old", true),
            (&["old", "new"], "new", true),
            (&["new"], "new", true),
            (&["new"], "old", false),
            (&["old", "new"], "oldnew", false),
            (&["old", "new"], "old,new", false),
            (&["old", "new"], "", false),
            (&["new"], "NEW", false),
            (&["new"], "한글", false),
        ] {
            let (caller, _) = checked(secrets, &[(SECRET, sent)]);
            assert_eq!(caller.is_ok(), passes, "{sent} of {secrets:?}");
            assert!(passes || matches!(caller, Err(Error::WrongAddress)), "{caller:?}");
        }
        for headers in [&[][..], &[(SECRET, "new"), (SECRET, "new")], &[(SECRET, "new"), (SECRET, "")]] {
            assert!(matches!(checked(&["new"], headers).0, Err(Error::WrongAddress)), "{headers:?}");
        }
    }

    #[test]
    fn the_edge_stack_says_whose_a_request_is_or_nobody_does() {
        for (sent, address) in [
            (&["203.0.113.7"][..], Some("203.0.113.7")),
            (&["2001:db8:1::7"], Some("2001:db8:1::7")),
            (&[], None),
            (&["203.0.113.7", "203.0.113.7"], None),
            (&["203.0.113.7,203.0.113.7"], None),
            (&["203.0.113.7, 198.51.100.2"], None),
            (&["203.0.113.7:443"], None),
            (&["[2001:db8::7]"], None),
            (&["203.0.113"], None),
            (&["localhost"], None),
            (&[""], None),
            (&["한글"], None),
        ] {
            let headers: Vec<_> = sent.iter().map(|ip| (CALLER, *ip)).chain([(SECRET, "new")]).collect();
            let (caller, source) = checked(&["new"], &headers);
            let address = address.map(str::to_owned);
            assert_eq!((caller.unwrap(), source), (address.clone(), address), "{sent:?}");
        }
    }

    #[test]
    fn nobody_else_is_believed_about_a_caller() {
        for (secrets, headers) in [
            (&[][..], &[(CALLER, "203.0.113.7")][..]),
            (&[], &[(CALLER, "203.0.113.7"), (SECRET, "new")]),
            (&[], &[(CALLER, "203.0.113.7"), (SECRET, "")]),
        ] {
            let (caller, source) = checked(secrets, headers);
            assert_eq!((caller.unwrap(), source), (None, Some(GATEWAY.to_string())), "{headers:?}");
        }
        let (refused, source) = checked(&["new"], &[(CALLER, "203.0.113.7")]);
        assert!(matches!(refused, Err(Error::WrongAddress)));
        assert_eq!(source, Some(GATEWAY.to_string()));
    }

    #[test]
    fn there_are_at_most_two_secrets() {
        let hashes = |many| SecretHashes::read(&vec!["1".repeat(64); many].join(",")).unwrap();
        assert!(OriginCheck::new(hashes(0)).is_ok() && OriginCheck::new(hashes(2)).is_ok());
        assert!(OriginCheck::new(hashes(3)).is_err());
    }
}

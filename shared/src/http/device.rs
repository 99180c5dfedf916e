//! What a login tells about its device: as much as its owner needs to recognise it, in bounded length.

use std::net::IpAddr;

use lambda_http::{Request, http::header::USER_AGENT};
use serde_json::Value;

use super::{JsonObject, event::SourceIp};
use crate::store::Device;

/// At most so many bytes, as sessions have to stay below DynamoDB's write unit of 1 KB.
const USER_AGENT_BYTES: usize = 256;
const NAME_CHARACTERS: usize = 64;
const NAME_BYTES: usize = 192;
const PLATFORM_BYTES: usize = 32;

/// The device that a request comes from, by its headers and its address.
#[must_use]
pub fn device(request: &Request) -> Device {
    let user_agent = request.headers().get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let source = request.extensions().get::<SourceIp>();
    Device {
        user_agent: cut(&user_agent.unwrap_or_default(), is_shown, USER_AGENT_BYTES, USER_AGENT_BYTES),
        ip_prefix: source.map(|SourceIp(ip)| network(*ip)).unwrap_or_default(),
        ..Device::default()
    }
}

/// The device with the name and the platform that the member `device` of a body gives it. What cannot be shown is left out, and what
/// is too long is cut: a login does not fail by the name of a phone.
#[must_use]
pub fn described_device(device: Device, body: &JsonObject) -> Device {
    let text = |name| body.member("device").and_then(|device| device.get(name)).and_then(Value::as_str);
    let is_ascii = |character: char| character.is_ascii_graphic() || character == ' ';
    Device {
        name: cut(text("name").unwrap_or_default(), is_shown, NAME_CHARACTERS, NAME_BYTES),
        platform: cut(text("platform").unwrap_or_default(), is_ascii, PLATFORM_BYTES, PLATFORM_BYTES),
        ..device
    }
}

/// Neither a control character nor one that changes the direction of the text around it.
fn is_shown(character: char) -> bool {
    let turns =
        matches!(character, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !character.is_control() && !turns
}

fn cut(text: &str, is_kept: impl Fn(char) -> bool, max_characters: usize, max_bytes: usize) -> String {
    let mut kept = String::new();
    let shown = text.chars().filter(|character| is_kept(*character));
    for character in shown.skip_while(|character| character.is_whitespace()).take(max_characters) {
        if kept.len() + character.len_utf8() > max_bytes {
            break;
        }
        kept.push(character);
    }
    kept.truncate(kept.trim_end().len());
    kept
}

fn network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::{
        Body,
        http::{HeaderValue, header::CONTENT_TYPE},
    };
    use serde_json::json;

    use super::*;

    fn described(device: &Value) -> (String, String) {
        let mut request = Request::new(Body::from(json!({"device": device}).to_string()));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let Device { name, platform, .. } =
            described_device(Device::default(), &JsonObject::required(&request).unwrap());
        (name, platform)
    }

    #[test]
    fn a_network_hides_the_last_part_of_an_address() {
        assert_eq!(network("203.0.113.77".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(network("::ffff:203.0.113.77".parse().unwrap()), "203.0.113.0/24");
        assert_eq!(network("2001:db8:1:2::9".parse().unwrap()), "2001:db8:1::/48");
    }

    #[test]
    fn a_user_agent_is_cut_at_256_bytes_and_never_inside_of_a_character() {
        let user_agent = |value: &[u8]| {
            let mut request = Request::default();
            request.headers_mut().insert(USER_AGENT, HeaderValue::from_bytes(value).unwrap());
            device(&request).user_agent
        };
        assert_eq!(user_agent(&[b'u'; 5_000]), "u".repeat(256));
        // Each byte that is not UTF-8 becomes a character of three bytes.
        assert_eq!(user_agent(&[0xff; 5_000]), "\u{fffd}".repeat(85));
        assert_eq!(user_agent(" 라이언\t폰 ".as_bytes()), "라이언폰");
    }

    #[test]
    fn a_devices_name_and_platform_are_cut_and_lose_what_cannot_be_shown() {
        let name = |name: &str| described(&json!({"name": name})).0;
        let platform = |platform: &str| described(&json!({"platform": platform})).1;
        assert_eq!(name("  라이언의 iPhone 👨‍👩‍👧 "), "라이언의 iPhone 👨‍👩‍👧");
        assert_eq!(name("a\u{0}\n\u{85}\u{202e}\u{2066}\u{2028}\u{200f}b"), "ab");
        assert_eq!(name(&"a".repeat(65)), "a".repeat(64));
        assert_eq!(name(&"가".repeat(65)), "가".repeat(64));
        assert_eq!(name(&"👨".repeat(65)), "👨".repeat(48), "192 bytes");
        assert_eq!(name(&format!("{} b", "a".repeat(63))), "a".repeat(63));
        assert_eq!(platform(" iOS 26.1 "), "iOS 26.1");
        assert_eq!(platform("안드로이드 16\u{7f}"), "16");
        assert_eq!(platform(&"a".repeat(33)), "a".repeat(32));
    }

    #[test]
    fn a_device_of_another_type_is_none() {
        for device in [json!(null), json!("x"), json!(5), json!([1]), json!({}), json!({"name": 5, "platform": null})] {
            assert_eq!(described(&device), (String::new(), String::new()), "{device}");
        }
    }
}

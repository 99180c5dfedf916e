//! The README's chart.

use std::fmt::Write;

use serde_json::Value;

/// A bar: what it is of, its length, and whether it is ours.
struct Bar {
    name: &'static str,
    value: f64,
    ours: bool,
}

const WIDTH: f64 = 760.0;
const NAMES: f64 = 310.0;
const LINE: f64 = 30.0;

/// Milliseconds to the first answer, and of processor time for a request.
pub fn draw(results: &Value) -> String {
    let number = |pointer: &str| results.pointer(pointer).and_then(Value::as_f64).unwrap_or_default();
    let bar = |name, value, ours| Bar { name, value, ours };
    let refresh = number("/cold/refresh/128/ready_ms/0") + number("/cold/refresh/128/first_answer_ms/0");
    let processor = |operation: &str| {
        let rows = results["peer"]["rows"].as_array().into_iter().flatten();
        rows.filter(|row| row["operation"] == operation && row["connections"] == 8)
            .map(|row| row["their_processor_ms"][0].as_f64().unwrap_or_default())
            .sum()
    };
    let groups = [
        (
            "From start to the first answer, ms",
            vec![
                bar("this, a refresh (model of 128 MB)", refresh, true),
                bar("this, a sign-in, on a whole processor", number("/peer/cold/ours_ms/0"), true),
                bar("Django stack, a sign-in, the same", number("/peer/cold/theirs_ms/0"), false),
                bar("Python 3.13 with DynamoDB, 128 MB*", 782.0, false),
                bar("Rust with the SDK as usual, 128 MB*", 894.0, false),
                bar("Node 22 with DynamoDB, 128 MB*", 1_467.0, false),
            ],
        ),
        (
            "Processor time for a request, ms",
            vec![
                bar("this, a sign-in", number("/cold/kakao-login/processor_ms/0"), true),
                bar("Django stack, a sign-in", processor("sign-in"), false),
                bar("this, a refresh", number("/cold/refresh/processor_ms/0"), true),
                bar("Django stack, a refresh", processor("refresh"), false),
                bar("this, a profile", number("/cold/profile/processor_ms/0"), true),
                bar("Django stack, a profile", processor("profile"), false),
            ],
        ),
    ];
    let mut body = String::new();
    let mut y = 0.0;
    for (title, bars) in &groups {
        y += LINE;
        let _ = write!(body, r#"<text class="title" x="12" y="{y}">{title}</text>"#);
        y += 12.0;
        let longest = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
        for bar in bars {
            let length = (bar.value / longest * (WIDTH - NAMES - 80.0)).max(1.5);
            let (class, middle) = (if bar.ours { "ours" } else { "theirs" }, y + 19.0);
            let value = if bar.value < 10.0 { format!("{:.2}", bar.value) } else { format!("{:.0}", bar.value) };
            let _ = write!(
                body,
                r#"<text x="12" y="{middle}">{}</text><rect class="{class}" x="{NAMES}" y="{}" width="{length:.1}" height="20" rx="3"/><text x="{:.1}" y="{middle}">{value}</text>"#,
                bar.name,
                y + 4.0,
                NAMES + length + 8.0
            );
            y += LINE;
        }
    }
    y += LINE;
    let _ = write!(
        body,
        r#"<text class="note" x="12" y="{y}">* on Lambda, two DynamoDB calls, arm64, as published by cebert/aws-lambda-performance-benchmarks</text>"#
    );
    let height = y + 16.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Time to the first answer and processor time for a request, beside others\"><style>\
         svg{{background:#fff}}text{{font:14px system-ui,sans-serif;fill:#1f2328}}.title{{font-weight:600}}\
         .note{{font-size:12px;fill:#59636e}}.ours{{fill:#e0b400}}.theirs{{fill:#8c959f}}</style>{body}</svg>\n"
    )
}

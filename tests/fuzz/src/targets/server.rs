//! An HTTP server that sends the same response to every request.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// Returns the response to a request's first line and body.
pub type Answer = Arc<Mutex<Box<dyn Fn(&str, &str) -> (u16, Vec<u8>) + Send>>>;

/// Starts the server and returns its address.
pub fn start(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || while serve(&stream, &answer).is_some() {});
        }
    });
    url
}

/// Serves one request; `None` when the connection has ended.
fn serve(stream: &TcpStream, answer: &Answer) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut target, mut length) = (String::new(), String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if first.is_empty() {
            line.clone_into(&mut first);
        }
        let (name, value) = line.split_once(": ").unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        }
        if name.eq_ignore_ascii_case("x-amz-target") {
            value.clone_into(&mut target);
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let what = if target.is_empty() { first } else { target };
    let (status, answer) =
        answer.lock().unwrap_or_else(PoisonError::into_inner)(&what, &String::from_utf8_lossy(&body));
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
    let mut stream = stream;
    stream.write_all(&[head.as_bytes(), &answer].concat()).ok()
}

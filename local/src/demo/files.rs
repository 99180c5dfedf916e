//! The files of the built demo. They are read once, so the path of a request never reaches the disk.

use std::{collections::BTreeMap, fs, io, path::Path};

use axum::{
    body::Bytes,
    http::{
        HeaderMap, HeaderValue,
        header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
};

/// The demo is a page, its assets, and the documentation, each with two compressed copies. A folder with far more files is something
/// else.
pub(super) const MAX_FILES: usize = 512;
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;
const HTML: &str = "text/html; charset=utf-8";
/// Encodings by the end of a file's name, the smallest first.
const ENCODINGS: [(&str, &str); 2] = [(".br", "br"), (".gz", "gzip")];

/// Files by request path.
#[derive(Debug)]
pub(super) struct Files(BTreeMap<String, File>);

/// A file and its compressed copies.
#[derive(Debug)]
pub(super) struct File {
    kind: &'static str,
    body: Bytes,
    encoded: Vec<(&'static str, Bytes)>,
}

impl Files {
    /// The files in a folder and its subfolders. Empty if the folder does not exist.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is too large to be the demo.
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let mut bodies = read(folder)?;
        let copies: Vec<String> = bodies.keys().filter(|path| encoding(path).is_some()).cloned().collect();
        let mut encoded = BTreeMap::<String, Vec<(&'static str, Bytes)>>::new();
        for (path, (original, name)) in copies.iter().filter_map(|path| Some((path, encoding(path)?))) {
            if let Some(body) = bodies.remove(path) {
                encoded.entry(original.to_owned()).or_default().push((name, body));
            }
        }
        let files = bodies.into_iter().filter_map(|(path, body)| {
            let (kind, encoded) = (kind(&path)?, encoded.remove(&path).unwrap_or_default());
            Some((path, File { kind, body, encoded }))
        });
        Ok(Self(files.collect()))
    }

    pub(super) fn get(&self, path: &str) -> Option<&File> {
        self.0.get(path)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl File {
    pub(super) fn is_page(&self) -> bool {
        self.kind == HTML
    }

    /// The file, compressed if the client accepts one of its copies (RFC 9110 §12.5.3).
    pub(super) fn answer(&self, headers: &HeaderMap) -> Response {
        let copy = self.encoded.iter().find(|(encoding, _)| accepts(headers, encoding));
        let body = copy.map_or(&self.body, |(_, body)| body).clone();
        let mut response = ([(CONTENT_TYPE, self.kind)], body).into_response();
        if let Some((encoding, _)) = copy {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if !self.encoded.is_empty() {
            response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        response
    }
}

/// Whether an encoding is named in `Accept-Encoding`, and not with a weight of zero.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case(encoding) && weight != Some(0.0)
    })
}

/// The path of the original, and the encoding of this copy.
fn encoding(path: &str) -> Option<(&str, &'static str)> {
    ENCODINGS.into_iter().find_map(|(end, name)| Some((path.strip_suffix(end)?, name)))
}

fn read(folder: &Path) -> io::Result<BTreeMap<String, Bytes>> {
    let (mut files, mut bytes) = (BTreeMap::new(), 0);
    let mut folders = vec![(folder.to_owned(), "/".to_owned())];
    while let Some((folder, path)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if path == "/" && error.kind() == io::ErrorKind::NotFound => return Ok(files),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let (Ok(name), file_type) = (entry.file_name().into_string(), entry.file_type()?) else { continue };
            let original = encoding(&name).map_or(name.as_str(), |(original, _)| original);
            if file_type.is_dir() {
                folders.push((entry.path(), format!("{path}{name}/")));
            } else if file_type.is_file() && kind(original).is_some() {
                // Symbolic links are skipped, because they can point outside the folder.
                let body = Bytes::from(fs::read(entry.path())?);
                bytes += body.len();
                files.insert(format!("{path}{name}"), body);
            }
            if files.len() > MAX_FILES || folders.len() > MAX_FILES || bytes > MAX_BYTES {
                return Err(io::Error::other("too large to be the demo page"));
            }
        }
    }
    Ok(files)
}

/// The content type of the files that a page consists of. Other files are not served.
fn kind(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "html" => Some(HTML),
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "json" => Some("application/json"),
        "webmanifest" => Some("application/manifest+json"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        "ico" => Some("image/x-icon"),
        _ => None,
    }
}

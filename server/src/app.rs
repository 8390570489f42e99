//! The built app's files, read once at the start and kept in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use thiserror::Error;

/// What the page may do when the build has left no policy of its own.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types default";
const POLICY_FILE: &str = "csp.txt";
const INDEX: &str = "/index.html";

/// The app's folder cannot be read.
#[derive(Debug, Error)]
#[error("the app's folder {0} cannot be read: {1}")]
pub struct AppError(PathBuf, std::io::Error);

struct File {
    kind: &'static str,
    cache: &'static str,
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
}

/// The app, ready to be served.
pub struct App {
    files: BTreeMap<String, File>,
    policy: HeaderValue,
}

impl App {
    /// Reads a folder with everything below it.
    pub fn read(folder: &Path) -> Result<Self, AppError> {
        let mut raw = BTreeMap::new();
        read_folder(folder, "", &mut raw).map_err(|e| AppError(folder.to_owned(), e))?;
        let policy = raw
            .remove(&format!("/{POLICY_FILE}"))
            .and_then(|bytes| HeaderValue::from_bytes(bytes.trim_ascii()).ok())
            .unwrap_or(HeaderValue::from_static(POLICY));
        let files = raw
            .iter()
            .filter(|(path, _)| !path.ends_with(".br") && !path.ends_with(".gz"))
            .map(|(path, plain)| {
                let file = File {
                    kind: kind_of(path),
                    cache: cache_of(path),
                    plain: plain.clone(),
                    brotli: raw.get(&format!("{path}.br")).cloned(),
                    gzip: raw.get(&format!("{path}.gz")).cloned(),
                };
                (path.clone(), file)
            })
            .collect();
        Ok(Self { files, policy })
    }

    /// The file of a path; the page itself for the app's own addresses.
    pub fn serve(&self, path: &str, headers: &HeaderMap) -> Response<Body> {
        let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
        let file = self.files.get(path).or_else(|| (!is_file).then(|| self.files.get(INDEX))?);
        let Some(file) = file else {
            return respond(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", Bytes::from_static(b"not here"));
        };
        let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let accepts = |coding: &str| {
            accepted.split(',').any(|each| {
                let mut parts = each.trim().split(';');
                parts.next() == Some(coding) && parts.all(|q| q.trim() != "q=0")
            })
        };
        let (body, coding) = match (&file.brotli, &file.gzip) {
            (Some(brotli), _) if accepts("br") => (brotli, Some("br")),
            (_, Some(gzip)) if accepts("gzip") => (gzip, Some("gzip")),
            _ => (&file.plain, None),
        };
        let mut response = respond(StatusCode::OK, file.kind, body.clone());
        let out = response.headers_mut();
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static(file.cache));
        out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        out.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        if let Some(coding) = coding {
            out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }
}

fn respond(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn read_folder(folder: &Path, prefix: &str, out: &mut BTreeMap<String, Bytes>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        let path = format!("{prefix}/{name}");
        if entry.file_type()?.is_dir() {
            read_folder(&entry.path(), &path, out)?;
        } else {
            out.insert(path, Bytes::from(std::fs::read(entry.path())?));
        }
    }
    Ok(())
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Files whose name carries a hash of their content never change; the others are asked for each time.
fn cache_of(path: &str) -> &'static str {
    let hashed = path.split(['/', '-', '.', '_']).any(|part| {
        part.len() >= 12 && part.bytes().all(|b| b.is_ascii_hexdigit())
    });
    if hashed { "public, max-age=31536000, immutable" } else { "no-cache" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_served_compressed_under_its_own_policy() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("index.html", "<p>");
        write("index.html.br", "small");
        write("cairn-app-0123456789abcdef.js", "code");
        write(POLICY_FILE, "default-src 'none'\n");
        let app = App::read(folder.path()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"));
        let page = app.serve("/client/00ff", &headers);
        assert_eq!(page.headers()[header::CONTENT_ENCODING], "br");
        assert_eq!(page.headers()[header::CACHE_CONTROL], "no-cache");
        assert_eq!(page.headers()[header::CONTENT_SECURITY_POLICY], "default-src 'none'");
        let script = app.serve("/cairn-app-0123456789abcdef.js", &HeaderMap::new());
        assert!(script.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert_eq!(app.serve("/gone.js", &headers).status(), StatusCode::NOT_FOUND);
        assert_eq!(app.serve("/csp.txt", &headers).status(), StatusCode::NOT_FOUND);
    }
}

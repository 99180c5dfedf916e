//! The pages that a hosted login may return to: those of the allowed origins.

use reqwest::Url;

use crate::http::Origins;

/// Of the whole address, which travels to Kakao and back.
const MAX_LENGTH: usize = 255;
/// The parameter that tells a page why a login failed.
const ERROR: &str = "login_error";
/// Where the hosted login answers. A page there would begin the next login at once.
const LOGIN_PATHS: [&str; 2] = ["/auth/kakao", "/accounts/kakao"];

/// Decides to which pages a browser may be redirected.
#[derive(Debug)]
pub struct Pages {
    origins: Origins,
    /// The redirect URI of the hosted login.
    callback: Url,
    default: Url,
}

/// The address of a page of an allowed origin.
#[derive(Debug, PartialEq, Eq)]
pub struct Page(Url);

impl Pages {
    /// The pages of these origins. The default page is `/` of the callback's own origin if that is allowed, else of the first origin.
    /// `None` if the list of origins is empty, or the callback is not a URL.
    #[must_use]
    pub fn new(origins: &Origins, callback: &str) -> Option<Self> {
        let callback = Url::parse(callback).ok()?;
        let default = if origins.allows(&callback) { callback.join("/") } else { Url::parse(origins.first()?) };
        Some(Self { origins: origins.clone(), default: default.ok()?, callback })
    }

    /// The page that a text names, absolutely or relative to the default page. The default page if it may not be redirected to.
    ///
    /// The text is parsed as browsers parse it, and only the parsed address is ever sent, in full. So no spelling of a foreign
    /// address (`//evil`, `/\evil`, `https:evil`, tabs) is read here as one page and by the browser as another.
    #[must_use]
    pub fn resolve(&self, text: &str) -> Page {
        let page = self.default.join(text).ok().map(without_error).filter(|page| self.may_return_to(page));
        Page(page.unwrap_or_else(|| self.default.clone()))
    }

    fn may_return_to(&self, page: &Url) -> bool {
        self.origins.allows(page)
            && page.username().is_empty()
            && page.password().is_none()
            && !self.begins_a_login(page)
            && page.as_str().len() <= MAX_LENGTH
    }

    fn begins_a_login(&self, page: &Url) -> bool {
        let is_below = |path: &&str| {
            let rest = page.path().strip_prefix(*path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        page.origin() == self.callback.origin() && LOGIN_PATHS.iter().any(is_below)
    }
}

impl Page {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The address with the reason why a login failed.
    #[must_use]
    pub fn with_error(&self, reason: &str) -> String {
        let mut url = self.0.clone();
        url.query_pairs_mut().append_pair(ERROR, reason);
        url.into()
    }
}

/// The address without the reason of an earlier login: a page that failed may name itself as the next one.
fn without_error(mut url: Url) -> Url {
    if let Some(query) = url.query() {
        let kept: Vec<&str> = query.split('&').filter(|pair| pair.split('=').next() != Some(ERROR)).collect();
        let kept = kept.join("&");
        url.set_query(Some(kept.as_str()).filter(|kept| !kept.is_empty()));
    }
    url
}

#[cfg(test)]
mod tests;

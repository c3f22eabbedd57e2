//! From where a request comes, as its browser says.
//!
//! Three lines against cross-site requests: what a browser says of the page that made the request
//! (`Sec-Fetch-Site`, `Origin`), which no page can change; a token that a page of another origin
//! cannot read; and the host that the browser asked for. A page whose own name leads to this host
//! (DNS rebinding) is of the same origin, but its name is not one of ours. None is a permission: a
//! program, unlike a browser, says what it likes.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName, Uri, header};

use super::refusal::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The header of the token.
pub(super) const TOKEN: HeaderName = HeaderName::from_static("x-session-supervisor-token");

/// Data is read by its own page, or by what is no browser. A page of another site could not read the
/// answer, but it could take the places of others.
///
/// # Errors
///
/// Where it comes from, and whom it is for.
pub fn may_read(headers: &HeaderMap, uri: &Uri, origins: &[String]) -> Result<(), Refusal> {
    let host = host(headers, uri)?;
    if !is_own(host, origins) {
        let message = "the request is for a host that the program has not named";
        return Err(wrong_origin(message));
    }
    match headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(wrong_origin("the request comes from another site")),
    }
}

/// What changes something comes from a page of the same origin, or of one that the program named.
pub(super) fn may_act(headers: &HeaderMap, uri: &Uri, origins: &[String]) -> Result<(), Refusal> {
    let origin = only(headers, &header::ORIGIN)?;
    let origin = origin.ok_or_else(|| wrong_origin("the request has no Origin"))?;
    if origins
        .iter()
        .any(|known| known.eq_ignore_ascii_case(origin))
    {
        return Ok(());
    }
    if headers
        .get(SEC_FETCH_SITE)
        .is_some_and(|site| site != "same-origin")
    {
        return Err(wrong_origin("the request comes from another site"));
    }
    let host = host(headers, uri)?;
    match without_scheme(origin) {
        Some(of_origin)
            if !host.is_empty()
                && of_origin.eq_ignore_ascii_case(host)
                && is_own(host, origins) =>
        {
            Ok(())
        }
        _ => Err(wrong_origin("the request comes from another origin")),
    }
}

/// The host that the request is for. It may be empty: then it is of no browser.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Result<&'a str, Refusal> {
    Ok(match only(headers, &header::HOST)? {
        Some(host) => host,
        // HTTP/2 says it in the URI.
        None => uri.authority().map_or("", |authority| authority.as_str()),
    })
}

fn without_scheme(origin: &str) -> Option<&str> {
    let mut schemes = ["http://", "https://"].into_iter();
    schemes.find_map(|scheme| origin.strip_prefix(scheme))
}

/// Whether no other site can have a browser ask for this host and mean this program. A name with a dot
/// can be anybody's, so the program has to name it.
fn is_own(host: &str, origins: &[String]) -> bool {
    let mut named = origins.iter().filter_map(|origin| without_scheme(origin));
    if named.any(|named| named.eq_ignore_ascii_case(host)) {
        return true;
    }
    if let Some(rest) = host.strip_prefix('[') {
        let address = rest.split_once(']').map(|(address, _)| address);
        return address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let local = || name.to_ascii_lowercase().ends_with(".localhost");
    !name.contains('.') || local() || name.parse::<IpAddr>().is_ok()
}

/// The value of a header that comes once at most.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let (value, more) = (values.next(), values.next());
    let text = value.map(|value| value.to_str()).transpose();
    match (text, more) {
        (Ok(text), None) => Ok(text),
        _ => Err(wrong_origin("the request has a bad Origin or Host")),
    }
}

fn wrong_origin(message: &'static str) -> Refusal {
    Refusal::forbidden("wrong_origin", message)
}

/// The token of a dashboard, which its own page gets with its data.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    /// A new one of 128 bits. Both halves are of a keyed hash whose random key is known to nobody.
    pub(super) fn random() -> Self {
        let half = || RandomState::new().hash_one("session-supervisor dashboard");
        Self(format!("{:016x}{:016x}", half(), half()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Fails unless the request has it.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given = headers
            .get(TOKEN)
            .map_or(&b""[..], |given| given.as_bytes());
        // The time that it takes says nothing of how much of it is right.
        let pairs = given.iter().zip(self.0.as_bytes());
        let differ = pairs.fold(0, |differ, (a, b)| differ | (a ^ b));
        if differ == 0 && given.len() == self.0.len() {
            return Ok(());
        }
        let message = "the request does not have the token of this dashboard";
        Err(Refusal::forbidden("wrong_token", message))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Uri};

    use super::{TOKEN, Token, may_act, may_read};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_the_own_page_may_act() {
        let named = ["https://ops.example.com".to_owned()];
        let may = |pairs: &[(&'static str, &'static str)]| {
            may_act(&headers(pairs), &Uri::from_static("/"), &named).is_ok()
        };
        let host = ("host", "ops:8080");
        assert!(may(&[host, ("origin", "http://ops:8080")]));
        assert!(may(&[host, ("origin", "https://OPS:8080")]));
        assert!(may(&[
            host,
            ("origin", "http://ops:8080"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(may(&[
            host,
            ("origin", "https://ops.example.com"),
            ("sec-fetch-site", "same-site")
        ]));
        for bad in [
            &[host][..],
            &[host, ("origin", "null")],
            &[host, ("origin", "ops:8080")],
            &[host, ("origin", "http://ops:8081")],
            &[host, ("origin", "http://ops:8080.evil.example")],
            &[host, ("origin", "http://evil.example/ops:8080")],
            &[host, ("origin", "ftp://ops:8080")],
            &[("origin", "http://")],
            &[("origin", "http://ops:8080")],
            &[
                host,
                ("origin", "http://ops:8080"),
                ("sec-fetch-site", "cross-site"),
            ],
            &[
                host,
                ("origin", "http://ops:8080"),
                ("sec-fetch-site", "none"),
            ],
            &[
                host,
                ("origin", "http://ops:8080"),
                ("origin", "http://evil.example"),
            ],
            &[
                host,
                ("host", "evil.example"),
                ("origin", "http://ops:8080"),
            ],
        ] {
            assert!(!may(bad), "{bad:?}");
        }
        let origin = headers(&[("origin", "http://ops:8080")]);
        assert!(may_act(&origin, &Uri::from_static("http://ops:8080/x"), &[]).is_ok());
    }

    /// A page whose own name leads here is of the same origin, whatever its browser says.
    #[test]
    fn only_a_host_that_nobody_else_can_name_is_our_own() {
        let named = ["https://ops.example.com".to_owned()];
        let may = |host: &'static str| {
            let origin: &'static str = format!("http://{host}").leak();
            let headers = headers(&[("host", host), ("origin", origin)]);
            let uri = Uri::from_static("/");
            let acts = may_act(&headers, &uri, &named).is_ok();
            assert_eq!(acts, may_read(&headers, &uri, &named).is_ok(), "{host}");
            acts
        };
        for own in [
            "127.0.0.1:8080",
            "10.1.2.3",
            "[::1]:8080",
            "[fe80::1]",
            "localhost:8080",
            "LOCALHOST",
            "app.localhost:8080",
            "ops",
            "OPS.example.com",
        ] {
            assert!(may(own), "{own}");
        }
        for other in [
            "evil.example",
            "evil.example:8080",
            "evil.example.",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost.",
            "ops.example.com:8080",
            "ops.example.com.evil.example",
            "[evil.example]:80",
            "1.2.3.4.5",
        ] {
            assert!(!may(other), "{other}");
        }
        let none = headers(&[]);
        let uri = Uri::from_static("http://evil.example/x");
        assert!(may_read(&none, &uri, &named).is_err());
        assert!(may_read(&none, &Uri::from_static("/"), &named).is_ok());
        let ours = Uri::from_static("http://ops:8080/x");
        assert!(may_read(&none, &ours, &named).is_ok());
        let twice = headers(&[("host", "ops"), ("host", "ops")]);
        assert!(may_read(&twice, &Uri::from_static("/"), &named).is_err());
    }

    #[test]
    fn other_sites_do_not_read() {
        let may_read = |headers: &HeaderMap| may_read(headers, &Uri::from_static("/"), &[]);
        assert!(may_read(&headers(&[])).is_ok());
        for (site, may) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
            ("", false),
        ] {
            assert_eq!(
                may_read(&headers(&[("sec-fetch-site", site)])).is_ok(),
                may,
                "{site}"
            );
        }
    }

    #[test]
    fn a_token_is_checked_to_its_end() {
        let (token, other) = (Token::random(), Token::random());
        assert_eq!(token.as_str().len(), 32);
        assert_ne!(token.as_str(), other.as_str());
        let check = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(TOKEN, text.parse().unwrap());
            token.check(&headers).is_ok()
        };
        assert!(check(token.as_str()));
        let longer = format!("{}0", token.as_str());
        for bad in ["", other.as_str(), &token.as_str()[..31], &longer] {
            assert!(!check(bad), "{bad}");
        }
        assert!(token.check(&HeaderMap::new()).is_err());
    }
}

//! From where a request comes, as its browser says: the rules by which the dashboard of the library
//! gives out data.
//!
//! A page of another site could not read an answer, but it could take the places of others
//! (`Sec-Fetch-Site`). A page whose own name leads to this host (DNS rebinding) is of the same origin,
//! but its name is not one of ours. Neither is a permission: a program, unlike a browser, says what it
//! likes.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName, Uri, header};

use super::refusal::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Data is read by its own page, or by what is no browser.
pub(super) fn may_read(headers: &HeaderMap, uri: &Uri, origins: &[String]) -> Result<(), Refusal> {
    if !is_own(host(headers, uri)?, origins) {
        let message = "the request is for a host that the program has not named";
        return Err(Refusal::wrong_origin(message));
    }
    match headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(Refusal::wrong_origin("the request comes from another site")),
    }
}

/// The host that the request is for. It may be empty: then it is of no browser.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(header::HOST).iter();
    let (value, more) = (values.next(), values.next());
    let text = value.map(|value| value.to_str()).transpose();
    match (text, more) {
        (Ok(Some(host)), None) => Ok(host),
        // HTTP/2 says it in the URI.
        (Ok(None), None) => Ok(uri.authority().map_or("", |authority| authority.as_str())),
        _ => Err(Refusal::wrong_origin("the request has a bad Host")),
    }
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

fn without_scheme(origin: &str) -> Option<&str> {
    let mut schemes = ["http://", "https://"].into_iter();
    schemes.find_map(|scheme| origin.strip_prefix(scheme))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Uri};

    use super::may_read;

    fn may(headers: &[(&'static str, &'static str)], uri: &'static str) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let named = ["https://ops.example.com".to_owned()];
        may_read(&map, &Uri::from_static(uri), &named).is_ok()
    }

    #[test]
    fn only_a_host_that_nobody_else_can_name_is_our_own() {
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
            assert!(may(&[("host", own)], "/"), "{own}");
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
            assert!(!may(&[("host", other)], "/"), "{other}");
        }
        assert!(!may(&[("host", "ops"), ("host", "ops")], "/"));
        assert!(!may(&[], "http://evil.example/x"));
        assert!(may(&[], "http://ops:8080/x") && may(&[], "/"));
    }

    #[test]
    fn other_sites_do_not_read() {
        let host = ("host", "ops");
        assert!(may(&[host, ("sec-fetch-site", "same-origin")], "/"));
        assert!(may(&[host, ("sec-fetch-site", "none")], "/"));
        for site in ["same-site", "cross-site", ""] {
            assert!(!may(&[host, ("sec-fetch-site", site)], "/"), "{site}");
        }
    }
}

//! Documents of identity providers and AWS's answer to the bridge, fetched over HTTP with limits.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tollgate_outbound::{Client, PlainHttp};
use tollgate_sts::{Fetch, FetchFault, Fetched, Fetching, Outgoing};

/// How long a document may take, in all.
const DEADLINE: Duration = Duration::from_secs(10);

/// Fetches documents. It follows no redirects, and takes at most 1 MiB.
pub(crate) struct Fetcher(Client);

impl Fetcher {
    /// Trusts the authorities of a PEM file, or the system's.
    ///
    /// # Errors
    /// There are none.
    pub(crate) fn new(authorities: Option<&[u8]>) -> Result<Fetcher, String> {
        let client = match authorities {
            Some(pem) => Client::with_roots_in_pem(pem, DEADLINE),
            None => Client::with_native_roots(DEADLINE),
        };
        client.map(Fetcher).map_err(|error| error.to_string())
    }

    async fn fetch(&self, outgoing: Outgoing) -> Result<Fetched, FetchFault> {
        let fault = |error: &dyn std::fmt::Display| FetchFault(error.to_string());
        let mut request = Request::get(&outgoing.url);
        for (name, value) in &outgoing.headers {
            request = request.header(name, value);
        }
        let request = request.body(Bytes::new()).map_err(|error| fault(&error))?;
        let answer =
            self.0.call(request, PlainHttp::Loopback).await.map_err(|error| fault(&error))?;
        Ok(Fetched { status: answer.status.as_u16(), body: answer.body.to_vec() })
    }
}

impl Fetch for Fetcher {
    fn get(&self, request: Outgoing) -> Fetching<'_> {
        Box::pin(self.fetch(request))
    }
}

/// Fetches documents of providers: from a provider's own host with the authorities that it declares,
/// from anywhere else with the system's.
#[derive(Debug, Default)]
pub(crate) struct Fetchers {
    /// By `HOST:PORT` as the issuer has it.
    by_host: Vec<(String, Fetcher)>,
    system: Option<Fetcher>,
}

impl Fetchers {
    /// Adds a provider's own.
    pub(crate) fn add(&mut self, issuer: &str, fetcher: Fetcher) {
        self.by_host.push((authority(issuer).to_owned(), fetcher));
    }

    /// Sets the one for everything else.
    pub(crate) fn otherwise(&mut self, fetcher: Fetcher) {
        self.system = Some(fetcher);
    }

    pub(crate) fn has_system(&self) -> bool {
        self.system.is_some()
    }
}

impl Fetch for Fetchers {
    fn get(&self, request: Outgoing) -> Fetching<'_> {
        let host = authority(&request.url);
        let own = self.by_host.iter().find(|(known, _)| known == host).map(|(_, fetcher)| fetcher);
        match own.or(self.system.as_ref()) {
            Some(fetcher) => fetcher.get(request),
            None => {
                let fault = FetchFault("no certificate authorities for this host".to_owned());
                Box::pin(std::future::ready(Err(fault)))
            }
        }
    }
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fetcher")
    }
}

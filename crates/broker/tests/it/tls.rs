//! The broker's own connection, encrypted.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::SecretString;
use tollgate_broker::{Ask, Broker, BrokerError, Journal, Server, Unwatched};
use tollgate_services::Postgres;

use crate::postgres;
use crate::setting::{Setting, caller, now};

/// A broker that checks the server, called by this name, against an authority.
fn broker(setting: &Setting, host: &str, authority: &str) -> Broker {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let password = Arc::new(SecretString::from(Postgres::PASSWORD.to_owned()));
    let port = setting.postgres.port;
    let server = Server::new(host, port, "postgres", "postgres", Some(config), password);
    let journal = Journal::open(&setting.journal_path(), &setting.profile).unwrap();
    Broker::new(setting.profile.clone(), server, journal, Arc::new(Unwatched))
}

/// How a broker fails that cannot be sure of its server; nothing is left behind.
async fn failure(setting: &Setting, host: &str, authority: &str) -> String {
    let issued = broker(setting, host, authority).issue(Ask { ttl: None }, &caller(), now()).await;
    assert_eq!(setting.roles().await, [""; 0]);
    match issued {
        Err(error @ BrokerError::Server(_)) => error.to_string(),
        other => panic!("{:?}", other.map(|lease| lease.role)),
    }
}

#[tokio::test]
async fn a_broker_speaks_tls_with_a_server_that_it_trusts() {
    let Some(setting) = Setting::new("encrypted").await else { return };
    let broker = broker(&setting, "localhost", setting.postgres.certificate());
    let lease = broker.issue(Ask { ttl: None }, &caller(), now()).await.unwrap();
    setting.login(&lease).await.unwrap();
    let admin = postgres::admin(&setting.postgres, "postgres").await;
    let query = "SELECT count(*) FILTER (WHERE ssl), count(*) FROM pg_stat_ssl
                 JOIN pg_stat_activity USING (pid)
                 WHERE application_name = 'tollgate-broker' AND client_addr IS NOT NULL
                   AND query LIKE '%' || $1 || '%'";
    let row = admin.query_one(query, &[&lease.role.as_str()]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 1));
}

#[tokio::test]
async fn a_server_with_a_certificate_of_somebody_else_gets_no_password() {
    let Some(setting) = Setting::new("impostor").await else { return };
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let failure = failure(&setting, "localhost", &other.cert.pem()).await;
    assert!(failure.contains("invalid peer certificate"), "{failure}");
}

#[tokio::test]
async fn a_server_under_another_name_gets_no_password() {
    let Some(setting) = Setting::new("misnamed").await else { return };
    let certificate = setting.postgres.certificate().to_owned();
    let failure = failure(&setting, "127.0.0.1", &certificate).await;
    assert!(failure.contains("not valid for name"), "{failure}");
}

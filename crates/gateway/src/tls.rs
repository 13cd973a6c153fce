//! TLS on both sides: certificates and authorities from PEM files.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// What callers see: a certificate chain and its key.
///
/// # Errors
/// A file cannot be read, holds no certificate or key, or others can read the key; or the two do not
/// go together.
pub(crate) fn server_config(certificate: &Path, key: &Path) -> Result<ServerConfig, String> {
    let chain = certificates(certificate)?;
    let key = private_key(key)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = builder
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("certificate and key do not serve: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// A key that its owner alone can write, and nobody beside the owner's group can read: as other
/// secrets in files. The mode is that of the file that is then read.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    check_mode(&file).map_err(|mode| {
        format!("`{shown}`: mode 0{mode:o} lets others at it; run `chmod 600 {shown}`")
    })?;
    PrivateKeyDer::from_pem_reader(file)
        .map_err(|error| format!("`{shown}` holds no private key: {error}"))
}

#[cfg(unix)]
fn check_mode(file: &File) -> Result<(), u32> {
    // What cannot be asked for its mode cannot be read either.
    let mode = file.metadata().map_or(0, |metadata| {
        std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777
    });
    if mode & 0o027 == 0 { Ok(()) } else { Err(mode) }
}

#[cfg(not(unix))]
fn check_mode(_: &File) -> Result<(), u32> {
    Ok(())
}

/// Authorities to trust: those of a file, else the system's.
///
/// # Errors
/// The file cannot be read or holds no certificate, or the system has none.
pub(crate) fn roots(file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            for certificate in certificates(file)? {
                let added = roots.add(certificate);
                added.map_err(|error| format!("`{}`: {error}", file.display()))?;
            }
        }
        None => {
            let native = rustls_native_certs::load_native_certs();
            let (added, _) = roots.add_parsable_certificates(native.certs);
            if added == 0 {
                return Err("the system has no certificate authorities; name a file".to_owned());
            }
        }
    }
    Ok(roots)
}

/// How the gateway connects to upstreams, offering these protocols.
///
/// # Errors
/// The provider has no protocol version in common with us.
pub(crate) fn client_config(
    roots: RootCertStore,
    protocols: &[&[u8]],
) -> Result<ClientConfig, String> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |error| format!("`{}` holds no certificate: {error}", file.display());
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(unreadable)?.collect();
    match certificates.map_err(unreadable)? {
        none if none.is_empty() => Err(format!("`{}` holds no certificate", file.display())),
        some => Ok(some),
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

//! Servers that follow a script, byte by byte: what the simulated appliance, which speaks proper HTTP over TLS with a key
//! that fits its certificate, cannot do.
//!
//! They listen on loopback only and end by themselves: a connection's thread lives no longer than [`PATIENCE`] without
//! a byte from its client, a server's no longer than its value.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{
    ServerConfig, ServerConnection, SignatureAlgorithm, SignatureScheme, StreamOwned, SupportedProtocolVersion,
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::harness::program;

/// The longest silence that a connection's thread bears.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer that makes `appliance_info` succeed.
pub const AICC: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 44\r\n\r\n\
    {\"appliance\":{\"version\":\"4.0.0\",\"build\":\"\"}}";

/// A server on a free port of 127.0.0.1.
pub struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Runs the script for each connection, in a thread of its own.
    pub fn start(script: impl Fn(TcpStream) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, connections) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stops, counter, script) = (stop.clone(), connections.clone(), Arc::new(script));
        let thread = thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if stops.load(Ordering::SeqCst) {
                    return;
                }
                counter.fetch_add(1, Ordering::SeqCst);
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                let script = script.clone();
                thread::spawn(move || script(stream));
            }
        });
        Server { address, connections, stop, thread: Some(thread) }
    }

    /// An HTTPS server with one answer to everything.
    pub fn https(config: Arc<ServerConfig>, answer: &'static [u8]) -> Server {
        Server::start(move |tcp| {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp);
            while read_head(&mut stream).is_some_and(|_| stream.write_all(answer).and_then(|()| stream.flush()).is_ok())
            {
            }
        })
    }

    /// An HTTPS server that answers once and closes, as TLS wants it or not.
    pub fn closing(config: Arc<ServerConfig>, answer: &'static [u8], properly: bool) -> Server {
        Server::start(move |tcp| {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), tcp);
            if read_head(&mut stream).is_some() {
                close(&mut stream, answer, properly);
            }
        })
    }

    /// A server that reads a little, sends these bytes and waits for the client to go.
    pub fn of_bytes(bytes: &'static [u8]) -> Server {
        Server::start(move |mut tcp| {
            let _ = tcp.read(&mut [0; 4096]);
            let _ = tcp.write_all(bytes);
            wait_for_end(&mut tcp);
        })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The connection options for it; trust is the caller's business.
    pub fn connection(&self) -> Value {
        json!({"host": "127.0.0.1", "port": self.port(), "username": "USERID", "password": "Passw0rd-of-nobody"})
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Sends the last bytes and closes, as TLS wants it or not.
pub fn close(stream: &mut StreamOwned<ServerConnection, TcpStream>, bytes: &[u8], properly: bool) {
    let _ = stream.write_all(bytes);
    if properly {
        stream.conn.send_close_notify();
    }
    let _ = stream.flush();
    let _ = stream.sock.shutdown(std::net::Shutdown::Write);
    wait_for_end(&mut stream.sock);
}

/// The bytes up to the empty line; none when the client goes before.
pub fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.extend_from_slice(&byte),
            _ => return None,
        }
    }
    String::from_utf8(head).ok()
}

/// Reads until the other side closes, breaks or stays silent for too long.
pub fn wait_for_end(stream: &mut impl Read) {
    let _ = io::copy(stream, &mut io::sink());
}

/// An address on which nobody listens: loopback's own, and a port nothing takes by itself.
pub const NOBODY: (&str, u16) = ("127.9.9.9", 1);

/// A certificate and what signs for it.
pub struct Certificate {
    /// As it goes over the wire.
    pub der: CertificateDer<'static>,
    /// What a server sends along.
    pub intermediates: Vec<CertificateDer<'static>>,
    key: Arc<dyn SigningKey>,
    issuer: Arc<Issuer<'static, KeyPair>>,
}

impl Certificate {
    /// A self-signed one for these names, changed as the test needs it.
    pub fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let params = params(names, change);
        let der = params.self_signed(&key).unwrap().into();
        Certificate::with(der, params, key)
    }

    /// A CA's own, with this common name.
    pub fn authority(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        Certificate::self_signed(&[], |params| {
            as_ca(params);
            called(params, name);
            change(params);
        })
    }

    /// One that this one's key signs, whether it may or not.
    pub fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        self.issue_for(KeyPair::generate().unwrap(), names, change)
    }

    /// The same for a key that exists.
    pub fn issue_for(&self, key: KeyPair, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let params = params(names, |params| {
            called(params, "server");
            change(params);
        });
        let der = params.signed_by(&key, &self.issuer).unwrap().into();
        Certificate::with(der, params, key)
    }

    fn with(der: CertificateDer<'static>, params: CertificateParams, key: KeyPair) -> Certificate {
        let signing = match PrivateKeyDer::try_from(key.serialize_der()) {
            Ok(der) => rustls::crypto::ring::sign::any_supported_type(&der).unwrap(),
            Err(error) => panic!("{error}"),
        };
        Certificate { der, intermediates: Vec::new(), key: signing, issuer: Arc::new(Issuer::new(params, key)) }
    }

    /// The same certificate, sent with these.
    pub fn sent_with(mut self, intermediates: &[&Certificate]) -> Certificate {
        self.intermediates = intermediates.iter().map(|it| it.der.clone()).collect();
        self
    }

    /// The same key and name with another certificate.
    pub fn known_as(&self, der: Vec<u8>) -> Certificate {
        Certificate { der: der.into(), intermediates: Vec::new(), key: self.key.clone(), issuer: self.issuer.clone() }
    }

    /// Its private key in PEM form.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// The same certificate in the hands of somebody who does not have its key.
    pub fn without_its_key(self, schemes: &'static [SignatureScheme]) -> Certificate {
        Certificate { key: Arc::new(Forger(schemes)), ..self }
    }

    /// As the options want it.
    pub fn fingerprint(&self) -> String {
        let hash = ring::digest::digest(&ring::digest::SHA256, &self.der);
        let digits: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{digits}")
    }

    /// In PEM form.
    pub fn pem(&self) -> String {
        use base64::Engine;
        let text = base64::prelude::BASE64_STANDARD.encode(&self.der);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }

    /// A server that presents it.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config_of(rustls::ALL_VERSIONS)
    }

    /// A server that presents it, with these versions of TLS.
    pub fn config_of(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        // Without a look at what it is worth, which rustls would take otherwise.
        let chain = [std::slice::from_ref(&self.der), &self.intermediates].concat();
        let certified = CertifiedKey::new(chain, self.key.clone());
        Arc::new(builder.with_no_client_auth().with_cert_resolver(Arc::new(SingleCertAndKey::from(certified))))
    }
}

/// Marks a certificate as a CA's, as `openssl req -x509` does.
pub fn as_ca(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

/// Gives a certificate's owner a common name.
pub fn called(params: &mut CertificateParams, name: &str) {
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
}

fn params(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2120, 1, 1));
    change(&mut params);
    params
}

/// A file with this content, as long as the value lives.
pub fn file(content: impl AsRef<[u8]>) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content.as_ref()).unwrap();
    file
}

/// Signs with noise.
#[derive(Debug)]
struct Forger(&'static [SignatureScheme]);

impl SigningKey for Forger {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let scheme = self.0.iter().find(|scheme| offered.contains(scheme))?;
        Some(Box::new(ForgedWith(*scheme)))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.0 {
            [SignatureScheme::ECDSA_NISTP256_SHA256, ..] => SignatureAlgorithm::ECDSA,
            _ => SignatureAlgorithm::RSA,
        }
    }
}

/// One such signature.
#[derive(Debug)]
struct ForgedWith(SignatureScheme);

impl Signer for ForgedWith {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(vec![0x42; 128])
    }

    fn scheme(&self) -> SignatureScheme {
        self.0
    }
}

/// Runs openssl in a folder, for what rcgen does not make.
pub fn openssl(folder: &Path, command: &str) {
    let output = Command::new(program("openssl")).args(command.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

//! What the command line says, and how the node joins by that.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;

use session_supervisor_cluster::{ClusterOptions, Tls};

const USAGE: &str = "usage: node --name NAME [--cookie TEXT] [--postgres URL] [--listen ADDRESS] \
    [--dashboard ADDRESS] [--tls-cert FILE --tls-key FILE --tls-ca FILE] [--etcd URL] \
    [--etcd-user NAME] [--etcd-ca FILE [--etcd-cert FILE --etcd-key FILE]]";

const FLAGS: [&str; 13] = [
    "--name",
    "--cookie",
    "--postgres",
    "--listen",
    "--dashboard",
    "--tls-cert",
    "--tls-key",
    "--tls-ca",
    "--etcd",
    "--etcd-user",
    "--etcd-ca",
    "--etcd-cert",
    "--etcd-key",
];

/// The variable with the password of etcd's user: all users of a machine can read the arguments of its
/// programs.
const PASSWORD: &str = "ETCD_PASSWORD";

/// The flags with their values.
pub(crate) struct Flags(BTreeMap<String, String>);

impl Flags {
    /// Those of this program. A flag without a value is an error: `--postgres $STORE` in a shell that does
    /// not know the variable would be a node whose rooms end with it.
    pub(crate) fn of_program() -> Result<Self, String> {
        let mut flags = BTreeMap::new();
        let mut words = std::env::args().skip(1);
        while let Some(flag) = words.next() {
            if !FLAGS.contains(&flag.as_str()) {
                return Err(format!("no such flag: {flag}; {USAGE}"));
            }
            match words.next().filter(|value| !value.starts_with("--")) {
                Some(value) => drop(flags.insert(flag, value)),
                None => return Err(format!("{flag} has no value; {USAGE}")),
            }
        }
        Ok(Self(flags))
    }

    pub(crate) fn get(&self, flag: &str) -> Option<&str> {
        self.0.get(flag).map(String::as_str)
    }

    pub(crate) fn name(&self) -> Result<&str, &'static str> {
        self.get("--name").ok_or(USAGE)
    }

    pub(crate) fn options(&self) -> Result<ClusterOptions, Box<dyn Error>> {
        let cookie = self.get("--cookie").unwrap_or("not a secret");
        let mut options = ClusterOptions::new("rooms", self.name()?, cookie);
        if let Some(address) = self.get("--listen") {
            options = options.listen(address.parse()?);
        }
        if let Some(tls) = self.tls()? {
            options = options.tls(tls);
        }
        if let Some(etcd) = self.get("--etcd") {
            options = options.etcd([etcd]);
        }
        if let Some(user) = self.get("--etcd-user") {
            let password = std::env::var(PASSWORD);
            let password = password.map_err(|error| {
                format!("--etcd-user takes the password from {PASSWORD}: {error}")
            })?;
            options = options.etcd_user(user, password);
        }
        self.etcd_tls(options)
    }

    /// TLS between nodes takes all three of the flags, or none of them.
    fn tls(&self) -> Result<Option<Tls>, Box<dyn Error>> {
        match ["--tls-cert", "--tls-key", "--tls-ca"].map(|flag| self.get(flag)) {
            [Some(certificate), Some(key), Some(authority)] => {
                let (certificate, key) = (read(certificate)?, read(key)?);
                Ok(Some(Tls::from_pem(certificate, key, read(authority)?)?))
            }
            [None, None, None] => Ok(None),
            _ => Err("--tls-cert, --tls-key and --tls-ca belong together".into()),
        }
    }

    #[cfg(feature = "etcd-tls")]
    fn etcd_tls(&self, options: ClusterOptions) -> Result<ClusterOptions, Box<dyn Error>> {
        use session_supervisor_cluster::EtcdTls;

        let trusted = |file| Ok::<_, Box<dyn Error>>(EtcdTls::from_pem(read(file)?)?);
        let tls = match self.of_etcd_tls() {
            [Some(authority), None, None] => trusted(authority)?,
            [Some(authority), Some(certificate), Some(key)] => {
                trusted(authority)?.identity(read(certificate)?, read(key)?)?
            }
            [None, None, None] => return Ok(options),
            _ => {
                let rule = "--etcd-cert and --etcd-key belong together, and need --etcd-ca";
                return Err(rule.into());
            }
        };
        Ok(options.etcd_tls(tls))
    }

    #[cfg(not(feature = "etcd-tls"))]
    fn etcd_tls(&self, options: ClusterOptions) -> Result<ClusterOptions, Box<dyn Error>> {
        match self.of_etcd_tls() {
            [None, None, None] => Ok(options),
            _ => Err("built without the feature `etcd-tls`".into()),
        }
    }

    fn of_etcd_tls(&self) -> [Option<&str>; 3] {
        ["--etcd-ca", "--etcd-cert", "--etcd-key"].map(|flag| self.get(flag))
    }
}

fn read(file: &str) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{file}: {error}"))
}

//! Which secret goes where: ten rules, of which the first that applies decides.
//!
//! The questions are about the value, not about tools: who must not see it, for how many it is the
//! same, and what happens when it changes. All rules that apply are reported, because the others are
//! what stays true when the first reason goes away.
//!
//! Law: a value that is more secret, or differs for more parties, is never advised a less protected
//! place ([`Outcome::protection`]).

use serde::{Deserialize, Serialize};

/// How secret a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Secrecy {
    /// Anybody may know it: an address, a feature switch.
    Config,
    /// The application's own secret: whoever has it acts as the application.
    Shared,
    /// A user's secret, which the application holds on their behalf.
    UserOwned,
}

/// For how many parties the value is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// One value everywhere.
    Static,
    /// One for development, another for production.
    PerStage,
    /// One for each user, tenant or device.
    PerActor,
}

/// What there is to know about a value. In documents, what is not said is not so, but that building
/// anew is acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// How secret it is.
    pub secrecy: Secrecy,
    /// For how many parties it is the same.
    pub uniqueness: Uniqueness,
    /// It is a login to a database.
    #[serde(default)]
    pub database_login: bool,
    /// It is for a third party's HTTP API, and the workload that calls has an identity of its own.
    #[serde(default)]
    pub third_party_api: bool,
    /// Several applications, repositories or teams need it.
    #[serde(default)]
    pub shared_across_contexts: bool,
    /// Whether it is still good is asked at every use, as of a password or a license.
    #[serde(default)]
    pub validated_at_use: bool,
    /// To change it, several systems must change at the same time.
    #[serde(default)]
    pub rotation_touches_several: bool,
    /// What is built goes where strangers can read it: a browser, a phone, a public image.
    #[serde(default)]
    pub public_artefact: bool,
    /// Somebody must be able to look the value up later.
    #[serde(default)]
    pub read_back: bool,
    /// When it changes, building and deploying anew is soon enough.
    #[serde(default = "yes")]
    pub rebuild_acceptable: bool,
}

fn yes() -> bool {
    true
}

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Nowhere: the broker makes a login of its own for each session.
    Broker,
    /// Nowhere near the application: the gateway injects it into requests that policy allows.
    Gateway,
    /// Into a keystore, read when the application runs.
    RuntimeKeystore,
    /// Into a keystore, read when the application is built or deployed.
    BuildKeystore,
    /// Into a keystore or the variables of CI; the keystore is preferred.
    KeystorePreferred,
    /// Into a keystore or the variables of CI, as is easier.
    Either,
    /// Into the variables of CI, one for each stage.
    CiVariable,
    /// Into a configuration file, beside the code.
    ConfigurationFile,
}

/// A rule of the ten, in the order in which they decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A login to a database.
    DatabaseLogin,
    /// A third party's HTTP API, called by a workload with an identity.
    ThirdPartyApi,
    /// A user's own, one for each actor, or validated at use.
    ChangesWhileRunning,
    /// A secret whose rotation a build cannot follow.
    RotatesWhileRunning,
    /// A secret that must not be in what is built.
    PublicArtefact,
    /// A secret that several contexts need, or that is looked up later.
    SeveralReaders,
    /// A secret of one system.
    OneReader,
    /// No secret, for several contexts.
    SharedConfig,
    /// No secret, another for each stage.
    StageConfig,
    /// No secret, the same everywhere.
    StaticConfig,
}

/// Where a value goes, and all reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The outcome of the first rule that applies.
    pub outcome: Outcome,
    /// All rules that apply, the one that decides first.
    pub reasons: Vec<Rule>,
}

/// Decides where a value goes.
pub fn advise(profile: &Profile) -> Advice {
    let reasons: Vec<Rule> = Rule::ALL.into_iter().filter(|rule| rule.applies(profile)).collect();
    // One of the last four applies to every profile that none of the others applies to; the test
    // over all profiles is the proof. The strictest place is what an unknown case would get.
    let outcome = reasons.first().map_or(Outcome::RuntimeKeystore, |rule| rule.outcome());
    Advice { outcome, reasons }
}

impl Rule {
    /// All rules, in the order in which they decide.
    pub const ALL: [Rule; 10] = [
        Rule::DatabaseLogin,
        Rule::ThirdPartyApi,
        Rule::ChangesWhileRunning,
        Rule::RotatesWhileRunning,
        Rule::PublicArtefact,
        Rule::SeveralReaders,
        Rule::OneReader,
        Rule::SharedConfig,
        Rule::StageConfig,
        Rule::StaticConfig,
    ];

    /// Whether the rule applies to the value.
    pub fn applies(self, profile: &Profile) -> bool {
        let is_secret = profile.secrecy != Secrecy::Config;
        let is_shared_secret = profile.secrecy == Secrecy::Shared;
        match self {
            Rule::DatabaseLogin => profile.database_login,
            Rule::ThirdPartyApi => profile.third_party_api,
            Rule::ChangesWhileRunning => {
                profile.secrecy == Secrecy::UserOwned
                    || profile.uniqueness == Uniqueness::PerActor
                    || profile.validated_at_use
            }
            Rule::RotatesWhileRunning => {
                is_secret && (profile.rotation_touches_several || !profile.rebuild_acceptable)
            }
            Rule::PublicArtefact => is_shared_secret && profile.public_artefact,
            Rule::SeveralReaders => {
                is_shared_secret && (profile.shared_across_contexts || profile.read_back)
            }
            Rule::OneReader => is_shared_secret && !profile.shared_across_contexts,
            Rule::SharedConfig => !is_secret && profile.shared_across_contexts,
            Rule::StageConfig => !is_secret && profile.uniqueness == Uniqueness::PerStage,
            Rule::StaticConfig => !is_secret && profile.uniqueness == Uniqueness::Static,
        }
    }

    /// Where a value goes that this rule decides about.
    pub fn outcome(self) -> Outcome {
        match self {
            Rule::DatabaseLogin => Outcome::Broker,
            Rule::ThirdPartyApi => Outcome::Gateway,
            Rule::ChangesWhileRunning | Rule::RotatesWhileRunning | Rule::PublicArtefact => {
                Outcome::RuntimeKeystore
            }
            Rule::SeveralReaders => Outcome::BuildKeystore,
            Rule::OneReader => Outcome::KeystorePreferred,
            Rule::SharedConfig => Outcome::Either,
            Rule::StageConfig => Outcome::CiVariable,
            Rule::StaticConfig => Outcome::ConfigurationFile,
        }
    }

    /// The rule's name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Rule::DatabaseLogin => "databaseLogin",
            Rule::ThirdPartyApi => "thirdPartyApi",
            Rule::ChangesWhileRunning => "changesWhileRunning",
            Rule::RotatesWhileRunning => "rotatesWhileRunning",
            Rule::PublicArtefact => "publicArtefact",
            Rule::SeveralReaders => "severalReaders",
            Rule::OneReader => "oneReader",
            Rule::SharedConfig => "sharedConfig",
            Rule::StageConfig => "stageConfig",
            Rule::StaticConfig => "staticConfig",
        }
    }

    /// Why the rule says what it says.
    pub fn because(self) -> &'static str {
        match self {
            Rule::DatabaseLogin => {
                "a database can make a login for each session, so that nobody holds a lasting one"
            }
            Rule::ThirdPartyApi => {
                "the workload can prove who it is, so the gateway can hold the secret in its place"
            }
            Rule::ChangesWhileRunning => {
                "it belongs to a user, differs for each actor, or is validated at every use: nobody \
                 knows it when the application is built"
            }
            Rule::RotatesWhileRunning => {
                "it is a secret, and a rotation cannot wait for a build, or touches several systems \
                 at once"
            }
            Rule::PublicArtefact => {
                "what is built can be read by strangers, so the secret must not be in it"
            }
            Rule::SeveralReaders => {
                "several contexts need the secret, or somebody must look it up later: a keystore has \
                 one copy, and a list of who may read it"
            }
            Rule::OneReader => {
                "one system needs the secret; a variable of CI would do, but shows neither who read \
                 it nor its versions"
            }
            Rule::SharedConfig => "it is no secret, and several contexts need the same value",
            Rule::StageConfig => "it is no secret, and differs from stage to stage",
            Rule::StaticConfig => {
                "it is no secret, and the same everywhere: it belongs to the code"
            }
        }
    }
}

impl Outcome {
    /// All outcomes, the most protected first.
    pub const ALL: [Outcome; 8] = [
        Outcome::Broker,
        Outcome::Gateway,
        Outcome::RuntimeKeystore,
        Outcome::BuildKeystore,
        Outcome::KeystorePreferred,
        Outcome::Either,
        Outcome::CiVariable,
        Outcome::ConfigurationFile,
    ];

    /// How well the value is protected there: from 0, for everybody who reads the code, to 6, for
    /// nobody. The broker and the gateway are equals: the application holds nothing that lasts.
    pub fn protection(self) -> u8 {
        match self {
            Outcome::Broker | Outcome::Gateway => 6,
            Outcome::RuntimeKeystore => 5,
            Outcome::BuildKeystore => 4,
            Outcome::KeystorePreferred => 3,
            Outcome::Either => 2,
            Outcome::CiVariable => 1,
            Outcome::ConfigurationFile => 0,
        }
    }

    /// The outcome's name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Broker => "broker",
            Outcome::Gateway => "gateway",
            Outcome::RuntimeKeystore => "runtimeKeystore",
            Outcome::BuildKeystore => "buildKeystore",
            Outcome::KeystorePreferred => "keystorePreferred",
            Outcome::Either => "either",
            Outcome::CiVariable => "ciVariable",
            Outcome::ConfigurationFile => "configurationFile",
        }
    }

    /// What to do, in a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Outcome::Broker => "let the broker make a database login for each session",
            Outcome::Gateway => "let the gateway inject it, and give the application none",
            Outcome::RuntimeKeystore => "keep it in a keystore, and read it at run time",
            Outcome::BuildKeystore => "keep it in a keystore, and read it when you build or deploy",
            Outcome::KeystorePreferred => {
                "keep it in a keystore, or in a variable of CI; prefer the keystore"
            }
            Outcome::Either => "keep it in a keystore or in a variable of CI, as is easier",
            Outcome::CiVariable => "keep it in a variable of CI, one for each stage",
            Outcome::ConfigurationFile => "write it into a configuration file, beside the code",
        }
    }
}

#[cfg(test)]
mod tests;

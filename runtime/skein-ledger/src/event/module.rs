//! What is decided about modules. A module is its digest; names and versions are labels of it.

use serde::{Deserialize, Serialize};
use skein_types::{Blake3, Bytes, ModuleDigest, Name, Text};

/// A component was given under a name and a version. Given again under others, it has those too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleSubmitted {
    /// What it is.
    pub module: ModuleDigest,
    /// What it is called. A name and a version belong to one module for ever.
    pub name: Name,
    /// Which version of that it is.
    pub version: Name,
    /// The component's size.
    pub bytes: Bytes,
    /// The team that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Name>,
    /// Where it was made from, as whoever gave it says: an address of a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Text>,
    /// Which commit of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Name>,
}

/// It was compiled and signed: campaigns may use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleCompiled {
    /// Which.
    pub module: ModuleDigest,
    /// The blob with what it says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Blake3>,
}

/// It cannot be used. Submitted again it is refused again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleRefused {
    /// Which.
    pub module: ModuleDigest,
    /// The error's code.
    pub code: Name,
    /// The error's message.
    pub message: Text,
}

/// Nothing of it starts any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleSuspended {
    /// Which.
    pub module: ModuleDigest,
    /// Why.
    pub reason: Text,
}

/// Nothing of it starts any more, wherever it was, and nothing but a person's word changes that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleBanned {
    /// Which.
    pub module: ModuleDigest,
    /// Why.
    pub reason: Text,
}

/// A person lets it run again. One that was banned is where it was before, and one that was suspended then is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleRestored {
    /// Which.
    pub module: ModuleDigest,
    /// Why.
    pub reason: Text,
}

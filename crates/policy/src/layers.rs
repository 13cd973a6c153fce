//! Everything that applies to one request: each layer of policies in its place.
//!
//! [`Documents`] holds the layers as parsed, [`Policies`] borrows them compiled.

use std::sync::Arc;

use crate::compile::PolicySet;
use crate::document::PolicyDocument;

/// How an API's method asks callers to identify themselves.
///
/// Source: API Gateway guide, `apigateway-authorization-flow`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AuthorizationType {
    /// `AWS_IAM`: callers sign, and all layers decide.
    #[default]
    AwsIam,
    /// `NONE`: callers are anonymous; a resource policy must allow explicitly, and without one the
    /// method is public.
    None,
}

/// The parsed policies that apply to a request, layer by layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Documents {
    /// Policies of the user, of its groups, or of the role.
    pub identity: Vec<PolicyDocument>,
    /// The resource's policy, or the trust policy of the role to be assumed.
    pub resource: Option<PolicyDocument>,
    /// The permissions boundary; none means no limit.
    pub permissions_boundary: Vec<PolicyDocument>,
    /// The session policy; none means no limit, except for a federated user's session.
    pub session: Option<PolicyDocument>,
    /// Service control policies, a list a level, from the root to the account. Every level must
    /// allow; no levels means no limit.
    pub service_control: Vec<Vec<PolicyDocument>>,
    /// Resource control policies of the resource's organization, likewise;
    /// `RCPFullAWSAccess` is implied on every level.
    pub resource_control: Vec<Vec<PolicyDocument>>,
    /// The policy of the VPC endpoint that the request came through.
    pub vpc_endpoint: Option<PolicyDocument>,
    /// How the API's method authorizes.
    pub authorization_type: AuthorizationType,
}

impl Documents {
    /// Compiles every layer.
    pub fn compile(self) -> PolicySets {
        let level = |documents| Arc::new(PolicySet::compile(documents));
        let some = |documents: Vec<_>| (!documents.is_empty()).then(|| level(documents));
        PolicySets {
            identity: some(self.identity),
            resource: self.resource.map(|document| level(vec![document])),
            permissions_boundary: some(self.permissions_boundary),
            session: self.session.map(|document| level(vec![document])),
            service_control: self.service_control.into_iter().map(level).collect(),
            resource_control: self.resource_control.into_iter().map(level).collect(),
            vpc_endpoint: self.vpc_endpoint.map(|document| level(vec![document])),
            authorization_type: self.authorization_type,
        }
    }
}

/// Compiled layers that someone must own; [`PolicySets::borrow`] makes the question's half.
///
/// Layers are shared by reference counting: one compiled resource policy serves every caller, and
/// one service control policy every account below it.
#[derive(Clone, Debug, Default)]
pub struct PolicySets {
    /// See [`Documents::identity`].
    pub identity: Option<Arc<PolicySet>>,
    /// See [`Documents::resource`].
    pub resource: Option<Arc<PolicySet>>,
    /// See [`Documents::permissions_boundary`].
    pub permissions_boundary: Option<Arc<PolicySet>>,
    /// See [`Documents::session`].
    pub session: Option<Arc<PolicySet>>,
    /// See [`Documents::service_control`].
    pub service_control: Vec<Arc<PolicySet>>,
    /// See [`Documents::resource_control`].
    pub resource_control: Vec<Arc<PolicySet>>,
    /// See [`Documents::vpc_endpoint`].
    pub vpc_endpoint: Option<Arc<PolicySet>>,
    /// See [`Documents::authorization_type`].
    pub authorization_type: AuthorizationType,
}

impl PolicySets {
    /// The layers, ready to decide.
    pub fn borrow(&self) -> Policies<'_> {
        Policies {
            identity: self.identity.as_deref(),
            resource: self.resource.as_deref(),
            permissions_boundary: self.permissions_boundary.as_deref(),
            session: self.session.as_deref(),
            service_control: &self.service_control,
            resource_control: &self.resource_control,
            vpc_endpoint: self.vpc_endpoint.as_deref(),
            authorization_type: self.authorization_type,
        }
    }
}

/// The compiled policies that apply to one request, borrowed from wherever they are kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policies<'a> {
    /// See [`Documents::identity`].
    pub identity: Option<&'a PolicySet>,
    /// See [`Documents::resource`].
    pub resource: Option<&'a PolicySet>,
    /// See [`Documents::permissions_boundary`].
    pub permissions_boundary: Option<&'a PolicySet>,
    /// See [`Documents::session`].
    pub session: Option<&'a PolicySet>,
    /// See [`Documents::service_control`].
    pub service_control: &'a [Arc<PolicySet>],
    /// See [`Documents::resource_control`].
    pub resource_control: &'a [Arc<PolicySet>],
    /// See [`Documents::vpc_endpoint`].
    pub vpc_endpoint: Option<&'a PolicySet>,
    /// See [`Documents::authorization_type`].
    pub authorization_type: AuthorizationType,
}

impl<'a> Policies<'a> {
    /// The compiled sets of all layers.
    pub fn sets(&self) -> impl Iterator<Item = &'a PolicySet> + use<'a> {
        let layers = [
            self.identity,
            self.resource,
            self.permissions_boundary,
            self.session,
            self.vpc_endpoint,
        ];
        let levels = self.service_control.iter().chain(self.resource_control);
        layers.into_iter().flatten().chain(levels.map(|level| &**level))
    }
}

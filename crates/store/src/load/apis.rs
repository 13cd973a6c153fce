//! APIs: what the manifest says of each, and the resource policies of the export.

use tollgate_policy::{AuthorizationType, PolicyType};
use toml::Spanned;

use super::Loader;
use crate::account::{ApiEntry, Route};
use crate::details::Exported;
use crate::library::{Place, Wanted};
use crate::manifest::{ApiDecl, RouteDecl};
use crate::origin::PolicyName;
use crate::problem::suggestion;
use crate::rest_apis::RestApi;
use crate::route::RouteTemplate;

impl<'t> Loader<'t> {
    /// The APIs of the manifest, then those that only the export knows.
    pub(super) fn apis(&mut self, account: &str) -> Vec<ApiEntry> {
        let (decls, exported) = (&self.manifest.apis, self.rest_apis);
        let is_declared = |api: &&Exported<'_, RestApi<'_>>| {
            decls.iter().any(|decl| decl.id.get_ref() == api.item.id.text)
        };
        let mut apis: Vec<ApiEntry> = decls.iter().map(|decl| self.api(account, decl)).collect();
        for api in exported.iter().filter(|api| !is_declared(api)) {
            let policy: Vec<_> = exported_policy(api).into_iter().collect();
            apis.push(ApiEntry {
                partition: self.manifest.partition.clone(),
                region: self.manifest.region.clone(),
                account: account.to_owned(),
                id: api.item.id.text.to_owned(),
                stages: Vec::new(),
                authorization: AuthorizationType::AwsIam,
                resource: self.layer(PolicyType::Resource, &policy),
                routes: Vec::new(),
                is_mixed: false,
                otherwise: None,
            });
        }
        self.misspelt_apis(&apis);
        apis
    }

    /// Complains of log formats whose API nearly has the id of another. Others may be of APIs that are not of
    /// the account.
    fn misspelt_apis(&mut self, apis: &[ApiEntry]) {
        let named = self.manifest.log.formats.iter().filter_map(|it| it.get_ref().api.as_ref());
        for id in named.filter(|id| !apis.iter().any(|api| api.id == *id.get_ref())) {
            let meant = suggestion(id.get_ref(), apis.iter().map(|api| api.id.as_str()));
            if meant.is_some() {
                let message = format!("the account has no API `{}`", id.get_ref());
                self.complain(id.span(), message, meant);
            }
        }
    }

    fn api(&mut self, account: &str, decl: &'t ApiDecl) -> ApiEntry {
        let authorization =
            self.authorization(decl.authorization.as_ref(), AuthorizationType::AwsIam);
        let route = |(index, route)| self.route(index, route, authorization);
        let mut routes: Vec<Route> = decl.routes.iter().enumerate().map(route).collect();
        routes.sort_by(|a, b| a.template.precedence(&b.template));
        let exported = self.rest_apis.iter().find(|api| api.item.id.text == decl.id.get_ref());
        let policy = match &decl.resource_policy {
            Some(file) => Some(Wanted::file(file)),
            None => exported.and_then(exported_policy),
        };
        ApiEntry {
            partition: self.manifest.partition.clone(),
            region: decl.region.clone().unwrap_or_else(|| self.manifest.region.clone()),
            account: match &decl.account {
                Some(id) => self.account_id(id),
                None => account.to_owned(),
            },
            id: decl.id.get_ref().clone(),
            stages: decl.stages.clone(),
            authorization,
            resource: self.layer(PolicyType::Resource, policy.as_slice()),
            routes: Vec::new(),
            is_mixed: false,
            otherwise: None,
        }
        .with_routes(routes)
    }

    fn route(
        &mut self,
        declaration: usize,
        decl: &RouteDecl,
        inherited: AuthorizationType,
    ) -> Route {
        if !decl.path.get_ref().starts_with('/') {
            let message = format!("expected a path from `/`, found `{}`", decl.path.get_ref());
            self.complain(decl.path.span(), message, None);
        }
        Route {
            template: RouteTemplate::new(decl.path.get_ref()),
            methods: decl.methods.clone(),
            upstream: decl.upstream.as_ref().map(|name| name.get_ref().clone()),
            credentials: decl.credential.0.iter().map(|name| name.get_ref().clone()).collect(),
            authorization: self.authorization(decl.authorization.as_ref(), inherited),
            allows_encoded_slash: decl.allow_encoded_slash,
            allows_semicolon: decl.allow_semicolon,
            declaration,
        }
    }

    fn authorization(
        &mut self,
        written: Option<&Spanned<String>>,
        inherited: AuthorizationType,
    ) -> AuthorizationType {
        let Some(name) = written else { return inherited };
        match name.get_ref().as_str() {
            "AWS_IAM" => AuthorizationType::AwsIam,
            "NONE" => AuthorizationType::None,
            other => {
                let message =
                    format!("expected authorization `AWS_IAM` or `NONE`, found `{other}`");
                self.complain(name.span(), message, suggestion(other, ["AWS_IAM", "NONE"]));
                inherited
            }
        }
    }
}

fn exported_policy<'t>(api: &Exported<'t, RestApi<'t>>) -> Option<Wanted<'t>> {
    let name = PolicyName::Api { id: api.item.id.text.to_owned() };
    let place = Place::Export(api.file, api.item.resource_policy()?, name);
    Some(Wanted { place, group: None })
}

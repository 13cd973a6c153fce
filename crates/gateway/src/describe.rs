//! What holds now, for operators: as the manifest has it, and how each secret is doing. No secret.

use serde_json::{Value, json};
use tollgate_store::{InjectDecl, RouteDecl};

use crate::snapshot::Snapshot;

impl Snapshot {
    /// A JSON document.
    pub(crate) fn described(&self) -> String {
        let manifest = &self.file().manifest;
        let account = self.guard.account();
        let apis = manifest.apis.iter().map(|api| {
            json!({
                "id": api.id.get_ref(),
                "stages": api.stages,
                "hosts": api.hosts.keys().collect::<Vec<_>>(),
                "routes": api.routes.iter().map(route).collect::<Vec<_>>(),
            })
        });
        let upstreams = manifest.upstreams.iter().map(
            |upstream| json!({ "name": upstream.name.get_ref(), "url": upstream.url.get_ref() }),
        );
        let document = json!({
            "version": 1,
            "account": account.id(),
            "principals": account.subjects().iter().map(|it| it.arn()).collect::<Vec<_>>(),
            "apis": apis.collect::<Vec<_>>(),
            "upstreams": upstreams.collect::<Vec<_>>(),
            "credentials": self.credentials_described(),
        });
        format!("{document:#}\n")
    }

    fn credentials_described(&self) -> Vec<Value> {
        let described = self.file().manifest.credentials.iter().map(|decl| {
            let name = decl.name.get_ref();
            let keeper = self.keepers().find(|keeper| keeper.alias() == name);
            let status = keeper.and_then(|keeper| keeper.status());
            let time = |time: jiff::Timestamp| time.to_string();
            json!({
                "name": name,
                "upstream": decl.upstream.get_ref(),
                "inject": decl.inject.as_ref().map_or("bearer", |it| kind(it.get_ref())),
                "secret": {
                    "source": decl.secret.get_ref().0.keys().next(),
                    "version": status.as_ref().map(|status| status.version.to_string()),
                    "readAt": status.as_ref().map(|status| time(status.read_at)),
                    "usableUntil": status.as_ref().map(|status| time(status.usable_until)),
                },
            })
        });
        described.collect()
    }
}

fn route(route: &RouteDecl) -> Value {
    let credentials = route.credential.0.iter().map(|alias| alias.get_ref().as_str());
    json!({
        "path": route.path.get_ref(),
        "methods": route.methods,
        "upstream": route.upstream.as_ref().map(|name| name.get_ref()),
        "credentials": credentials.collect::<Vec<_>>(),
        "cached": route.cache.is_some(),
        "throttled": route.throttle.is_some(),
        "learnQuota": route.learn_quota,
    })
}

fn kind(inject: &InjectDecl) -> &'static str {
    match inject {
        InjectDecl::Bearer => "bearer",
        InjectDecl::Header(_) => "header",
        InjectDecl::Basic(_) => "basic",
        InjectDecl::Query(_) => "query",
        InjectDecl::Path => "path",
        InjectDecl::Oauth2(_) => "oauth2",
        InjectDecl::Sigv4(_) => "sigv4",
    }
}

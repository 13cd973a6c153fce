//! The files that a manifest names, as far as they are policies.

use tollgate_policy::PolicyType;

use super::Manifest;

impl Manifest {
    /// The policy files that it names, and as what, in its order; a file may come more than once.
    /// Relative to the manifest's folder.
    pub fn policy_files(&self) -> impl Iterator<Item = (&str, PolicyType)> {
        let control = self.service_control.iter().flatten();
        let resource_control = self.resource_control.iter().flatten();
        let of_groups = self.groups.iter().flat_map(|group| &group.policies);
        let principals = &self.principals;
        let of_principals = principals.iter().filter_map(|it| it.policies.as_ref()).flatten();
        let boundaries = principals.iter().filter_map(|principal| principal.boundary.as_ref());
        let sessions = principals.iter().filter_map(|principal| principal.session.as_ref());
        let trust = principals.iter().filter_map(|principal| principal.trust.as_ref());
        let of_apis = self.apis.iter().filter_map(|api| api.resource_policy.as_ref());
        let all = control.map(|file| (file, PolicyType::ServiceControl));
        all.chain(resource_control.map(|file| (file, PolicyType::ResourceControl)))
            .chain(of_groups.chain(of_principals).map(|file| (file, PolicyType::Identity)))
            .chain(boundaries.map(|file| (file, PolicyType::PermissionsBoundary)))
            .chain(sessions.map(|file| (file, PolicyType::Session)))
            .chain(trust.map(|file| (file, PolicyType::RoleTrust)))
            .chain(of_apis.map(|file| (file, PolicyType::Resource)))
            .map(|(file, known)| (file.get_ref().as_str(), known))
            // A managed policy of the export is no file.
            .filter(|(file, _)| !file.starts_with("arn:"))
    }
}

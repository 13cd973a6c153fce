//! The endpoints that hand credentials to workloads of this machine.

use bytes::Bytes;
use http::Response;
use tollgate_sts::{Answer, Delivery, Fault, container};

use crate::Issuer;
use crate::answer::Arrived;
use crate::event::Event;
use crate::issuer::{entropy, no_randomness};
use crate::plan::{Plan, Workload};

impl Issuer {
    /// Answers a request to the endpoint of the container of this index in the manifest.
    pub fn answer_container(&self, index: usize, arrived: &Arrived) -> Response<Bytes> {
        let (plan, event) = (self.plan(), self.event(arrived, Some("ContainerCredentials")));
        let Some(container_of) = plan.containers.get(index) else {
            // Its section is gone since a reload; whoever listens still does.
            return self.finish(event, Answer::text(404, "not found"), None);
        };
        let delivery = container(&arrived.delivery(), &container_of.token);
        self.deliver(&plan, &container_of.workload, delivery, arrived, event)
    }

    /// Answers a request to the endpoint of the instance's metadata.
    pub fn answer_metadata(&self, arrived: &Arrived) -> Response<Bytes> {
        let (plan, event) = (self.plan(), self.event(arrived, Some("InstanceMetadata")));
        let Some(instance) = &plan.metadata else {
            return self.finish(event, Answer::text(404, "not found"), None);
        };
        let delivery = instance.metadata.serve(&arrived.delivery(), arrived.at);
        self.deliver(&plan, &instance.workload, delivery, arrived, event)
    }

    fn deliver(
        &self,
        plan: &Plan,
        workload: &Workload,
        delivery: Delivery,
        arrived: &Arrived,
        mut event: Event,
    ) -> Response<Bytes> {
        event.role = Some(workload.role.clone());
        if let Delivery::Answer(answer) = delivery {
            return self.finish(event, answer, None);
        }
        let issued = plan
            .authority()
            .deliver(&workload.role, &workload.session)
            .and_then(|grant| Ok((grant, entropy().ok_or_else(no_randomness)?)))
            .map(|(grant, entropy)| plan.keys.seal(grant, arrived.at, &entropy));
        match issued {
            Ok(issued) => {
                event.session = Some((&issued.session).into());
                self.finish(event, Answer::delivered(&issued), None)
            }
            Err(fault) => {
                let answer = json_fault(&fault);
                self.finish(event, answer, Some(fault))
            }
        }
    }
}

/// A fault as SDKs expect it of these endpoints.
pub(crate) fn json_fault(fault: &Fault) -> Answer {
    Answer::json_fault(fault.code.status(), fault.code.name(), &fault.message)
}

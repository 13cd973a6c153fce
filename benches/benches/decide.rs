//! One decision: with the request at hand, and building it first. And compiling the policies.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate_benches::evaluator;
use tollgate_policy::{Request, authorize};

fn decide(criterion: &mut Criterion) {
    for workload in evaluator::all() {
        let Ok(sets) = workload.compile() else { continue };
        let policies = sets.borrow();
        let prepared: Vec<_> =
            workload.requests.iter().filter_map(evaluator::RawRequest::prepare).collect();
        let requests: Vec<Request<'_>> = prepared.iter().map(|request| request.build()).collect();
        let mut group = criterion.benchmark_group(format!("decide/{}", workload.name));
        group.throughput(Throughput::Elements(1));
        let mut at_hand = requests.iter().cycle();
        group.bench_function("at-hand", |bencher| {
            bencher.iter(|| at_hand.next().map(|request| authorize(&policies, black_box(request))));
        });
        let mut to_build = prepared.iter().cycle();
        group.bench_function("built", |bencher| {
            bencher.iter(|| {
                to_build.next().map(|request| authorize(&policies, &black_box(request).build()))
            });
        });
        group.finish();
    }
}

fn compile(criterion: &mut Criterion) {
    for workload in evaluator::all() {
        criterion.bench_function(&format!("compile/{}", workload.name), |bencher| {
            bencher.iter(|| workload.compile());
        });
    }
}

criterion_group!(benches, decide, compile);
criterion_main!(benches);

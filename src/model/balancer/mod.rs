//! One module per data plane between clients and pods.

pub mod kube_proxy;

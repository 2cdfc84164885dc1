"""The kinds trimtab speaks of, and where the API server keeps them."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.api.resources import API_VERSION, RawObject


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind and its place in the API."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def named(self) -> dict[str, str]:
        """How an object says that it is of this kind."""
        return {"apiVersion": self.api_version, "kind": self.kind}

    @property
    def group(self) -> str:
        """Its API group; empty for Kubernetes' own first kinds."""
        return self.api_version.rpartition("/")[0]

    @property
    def root(self) -> str:
        """The URL of its group and version."""
        return f"/{'apis' if '/' in self.api_version else 'api'}/{self.api_version}"

    def url(self, name: str | None = None, namespace: str | None = None) -> str:
        """The URL of one object, or of all of them."""
        parts = [self.root]
        if self.namespaced and namespace:
            parts.append(f"namespaces/{namespace}")
        parts.append(self.plural)
        if name:
            parts.append(name)
        return "/".join(parts)


MODEL_DEPLOYMENT = Kind(API_VERSION, "ModelDeployment", "modeldeployments")
ACCELERATOR_CLASS = Kind(API_VERSION, "AcceleratorClass", "acceleratorclasses", namespaced=False)
INFERENCE_BUDGET = Kind(API_VERSION, "InferenceBudget", "inferencebudgets")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SERVICE = Kind("v1", "Service", "services")
JOB = Kind("batch/v1", "Job", "jobs")
POD = Kind("v1", "Pod", "pods")
NODE = Kind("v1", "Node", "nodes", namespaced=False)
NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
EVENT = Kind("events.k8s.io/v1", "Event", "events")
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
HPA = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
SCALED_OBJECT = Kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects")
POD_MONITOR = Kind("monitoring.coreos.com/v1", "PodMonitor", "podmonitors")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
TRAFFIC_POLICY = Kind(
    "gateway.envoyproxy.io/v1alpha1", "BackendTrafficPolicy", "backendtrafficpolicies"
)
SELF_SUBJECT_REVIEW = Kind(
    "authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False
)
SELF_SUBJECT_ACCESS_REVIEW = Kind(
    "authorization.k8s.io/v1",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
    namespaced=False,
)

KINDS = (
    MODEL_DEPLOYMENT,
    ACCELERATOR_CLASS,
    INFERENCE_BUDGET,
    DEPLOYMENT,
    CONFIG_MAP,
    SERVICE,
    JOB,
    POD,
    NODE,
    NAMESPACE,
    EVENT,
    LEASE,
    HPA,
    SCALED_OBJECT,
    POD_MONITOR,
    HTTP_ROUTE,
    TRAFFIC_POLICY,
    SELF_SUBJECT_REVIEW,
    SELF_SUBJECT_ACCESS_REVIEW,
)
_BY_NAME = {(k.api_version, k.kind): k for k in KINDS}

# The kinds children are of, and so where stale ones are looked for.
CHILD_KINDS = (SERVICE, CONFIG_MAP, DEPLOYMENT, POD_MONITOR, JOB, HTTP_ROUTE, TRAFFIC_POLICY)


def kind_of(obj: RawObject) -> Kind:
    """The kind of an object; KeyError for one that trimtab does not know."""
    return _BY_NAME[obj["apiVersion"], obj["kind"]]

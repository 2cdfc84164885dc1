"""python -m e2e.cluster up|down|status|images|kubeconfig|prometheus|gateway"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from e2e.cluster import images
from e2e.cluster.cluster import Cluster
from e2e.cluster.errors import ClusterError
from e2e.cluster.gateway import SLO_MS, apply_gateway, remove_gateway
from e2e.cluster.progress import say
from e2e.cluster.prometheus import apply_prometheus


def _up(cluster: Cluster, options: argparse.Namespace) -> int:
    cluster.up(audit=options.audit)
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    return 0


def _down(cluster: Cluster, _: argparse.Namespace) -> int:
    cluster.down()
    return 0


def _status(cluster: Cluster, _: argparse.Namespace) -> int:
    if not cluster.paths.etc.exists():
        print("down")
        return 1
    states = {c.spec.name: (c.running, c.healthy()) for c in cluster.components()}
    for name, (running, healthy) in states.items():
        state = "well" if healthy else "running, not well" if running else "not running"
        print(f"{name:26}{state}")
    return 0 if all(healthy for _, healthy in states.values()) else 1


def _images(cluster: Cluster, options: argparse.Namespace) -> int:
    wanted = options.reference or None
    for reference in cluster.build_images(wanted):
        print(reference)
    if cluster.paths.etc.exists() and cluster.component("containerd").healthy():
        cluster.load_images(wanted)
    else:
        say("the cluster is down; `up` loads the images")
    return 0


def _kubeconfig(cluster: Cluster, _: argparse.Namespace) -> int:
    if not cluster.kubeconfig.exists():
        raise ClusterError("the cluster is down")
    print(cluster.kubeconfig)
    return 0


def _prometheus(cluster: Cluster, options: argparse.Namespace) -> int:
    config = os.environ.get("KUBECONFIG") or str(cluster.kubeconfig)
    apply_prometheus([cluster.bin("kubectl"), f"--kubeconfig={config}"], options.image)
    return 0


def _gateway(cluster: Cluster, options: argparse.Namespace) -> int:
    if not cluster.kubeconfig.exists():
        raise ClusterError("the cluster is down; `up` comes first")
    if options.remove:
        remove_gateway(cluster)
    else:
        print(apply_gateway(cluster, options.slo_ms))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m e2e.cluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str,
        act: Callable[[Cluster, argparse.Namespace], int],
        text: str,
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(act=act)
        return sub

    up = command("up", _up, "bring the cluster up, or mend it; prints how to use it")
    up.add_argument("--audit", action="store_true", help="keep an audit log of the API server")
    command("down", _down, "remove the cluster and every trace of it; the cache stays")
    command("status", _status, "how each component is; exit code 0 when all are well")
    image = command("images", _images, "make the images, and load what is new")
    image.add_argument("reference", nargs="*", help="only these")
    command("kubeconfig", _kubeconfig, "print the path of the administrator's kubeconfig")
    prometheus = command("prometheus", _prometheus, "install Prometheus in namespace monitoring")
    prometheus.add_argument("--image", default=images.PROMETHEUS, help="default: %(default)s")
    gateway = command("gateway", _gateway, "install Envoy Gateway and a Gateway; prints its URL")
    gateway.add_argument("--slo-ms", type=int, default=SLO_MS, help="default: %(default)s")
    gateway.add_argument("--remove", action="store_true", help="remove them instead")
    return parser


def main() -> int:
    options = _parser().parse_args()
    try:
        return int(options.act(Cluster(), options))
    except ClusterError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next run goes on from here, and `down` removes what there is")
        return 130


if __name__ == "__main__":
    sys.exit(main())

"""The files of deploy/: the chart rendered by Helm's own library, its manifests against Kubernetes' schemas and what
`mxpath serve` takes, the units by systemd where it is there."""

import copy
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import helm_python
import kubernetes_validate
import yaml
from served import ROOT, Server

CHART = ROOT / "deploy/helm/mxpath"
# Everything that may be set, as somebody would.
FULL = {
    "replicas": 3,
    "image": {"repository": "registry.example/mxpath", "tag": "1.2.3", "pullPolicy": "Always"},
    "args": ["--max-queue", "8"],
    "keySecret": "keys-of-mxpath",
    "drainSeconds": 60,
    "startupSeconds": 600,
    "service": {"type": "LoadBalancer", "port": 80},
    "serviceMonitor": {"enabled": True, "interval": "30s"},
    "nodeSelector": {"gpu": "h200"},
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "In", "values": ["h200"]}]}]
            }
        }
    },
}


def rendered(values):
    """The manifests by their kind."""
    with helm_python.chart.Chart.load(CHART) as chart:
        texts = chart.render(values=values, name="x", namespace="models").values()
    documents = [one for text in texts for one in yaml.safe_load_all(text) if one]
    return {one["kind"]: one for one in documents}


def parts(found):
    spec = found["Deployment"]["spec"]["template"]["spec"]
    return spec, spec["containers"][0]


class Helm(unittest.TestCase):
    def test_values_and_chart_are_yaml(self):
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        self.assertEqual((chart["apiVersion"], chart["name"]), ("v2", "mxpath"))
        for key in ("version", "appVersion"):
            self.assertRegex(str(chart[key]), r"^\d+\.\d+\.\d+")

    def test_every_value_is_used(self):
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        used = set()
        for path in (CHART / "templates").iterdir():
            used |= {name.split(".")[0] for name in re.findall(r"\.Values\.([\w.]+)", path.read_text())}
        self.assertEqual(set(values), used)
        self.assertLessEqual(set(FULL), used)

    def test_helm_finds_nothing_wrong(self):
        for values in ({}, FULL):
            report = helm_python.chart.lint(CHART, values, strict=True)
            worse = [one for one in report["messages"] if one["severity"] > 1]
            self.assertEqual((worse, report["errors"]), ([], []))

    def test_kubernetes_takes_the_manifests(self):
        for values in ({}, FULL):
            found = rendered(values)
            self.assertEqual("ServiceMonitor" in found, bool(values), "which only its operator knows")
            found.pop("ServiceMonitor", None)
            self.assertEqual(set(found), {"Deployment", "Service"})
            for version in ("1.28", "1.37"):
                for manifest in found.values():
                    kubernetes_validate.validate(manifest, version, strict=True)

    def test_a_field_that_kubernetes_does_not_know_is_found(self):
        wrong = copy.deepcopy(rendered({})["Deployment"])
        wrong["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(wrong, "1.37", strict=True)

    def test_what_is_set_arrives(self):
        found = rendered(FULL)
        spec, container = parts(found)
        self.assertEqual(container["image"], "registry.example/mxpath:1.2.3")
        self.assertEqual(found["Deployment"]["spec"]["replicas"], 3)
        self.assertEqual(container["args"][-2:], ["--max-queue", "8"])
        self.assertEqual(spec["nodeSelector"], FULL["nodeSelector"])
        self.assertEqual(spec["tolerations"], FULL["tolerations"])
        self.assertEqual(spec["affinity"], FULL["affinity"])
        (keys,) = [one for one in spec["volumes"] if one["name"] == "keys"]
        self.assertEqual(keys["secret"]["secretName"], "keys-of-mxpath")
        (mount,) = [one for one in container["volumeMounts"] if one["name"] == "keys"]
        file = container["args"][container["args"].index("--api-key-file") + 1]
        self.assertEqual(os.path.dirname(file), mount["mountPath"])
        endpoint = found["ServiceMonitor"]["spec"]["endpoints"][0]
        self.assertEqual((endpoint["path"], endpoint["interval"]), ("/metrics", "30s"))
        self.assertEqual(endpoint["authorization"]["credentials"]["name"], "keys-of-mxpath")

    def test_probes_times_and_names_fit_each_other(self):
        for values in ({}, FULL):
            found = rendered(values)
            spec, container = parts(found)
            drain = int(container["args"][container["args"].index("--drain") + 1])
            self.assertGreater(spec["terminationGracePeriodSeconds"], drain)
            for probe, path in (("startup", "/readyz"), ("readiness", "/readyz"), ("liveness", "/livez")):
                self.assertEqual(container[probe + "Probe"]["httpGet"]["path"], path)
            start = container["startupProbe"]
            allowed = start["periodSeconds"] * start["failureThreshold"]
            self.assertEqual(allowed, {**{"startupSeconds": 1800}, **values}["startupSeconds"])
            labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
            for selector in (
                found["Service"]["spec"]["selector"],
                found["Deployment"]["spec"]["selector"]["matchLabels"],
            ):
                self.assertLessEqual(selector.items(), labels.items())
            if "ServiceMonitor" in found:
                chosen = found["ServiceMonitor"]["spec"]["selector"]["matchLabels"]
                self.assertLessEqual(chosen.items(), found["Service"]["metadata"]["labels"].items())
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            self.assertEqual(ports, {"http": 8080})
            self.assertEqual(found["Service"]["spec"]["ports"][0]["targetPort"], "http")
            self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
            self.assertTrue(spec["securityContext"]["runAsNonRoot"])

    def test_the_program_takes_what_a_pod_tells_it(self):
        with tempfile.TemporaryDirectory() as folder:
            keys = os.path.join(folder, "keys")
            with open(keys, "w", encoding="utf-8") as out:
                out.write("one\n")
            for values in ({}, FULL):
                _, container = parts(rendered({**values, "context": 4096}))  # which the demo was made for
                args = [keys if one == "/etc/mxpath/keys" else one for one in container["args"]]
                environment = {one["name"]: one["value"] for one in container["env"]}
                server = Server(*args[1:], environment=environment)  # the demo, instead of the model of the claim
                try:
                    for probe in ("startup", "readiness", "liveness"):
                        path = container[probe + "Probe"]["httpGet"]["path"]
                        self.assertEqual(server.get(path).status_code, 200, path)
                    self.assertEqual(server.get("/v1/models").status_code, 401 if values else 200)
                finally:
                    self.assertEqual(server.stop(), 0)


class Container(unittest.TestCase):
    @unittest.skipUnless(shutil.which("dpkg-query") and shutil.which("objdump"), "no Debian, or no binutils")
    def test_the_image_has_every_library(self):
        text = (ROOT / "deploy/container/Containerfile").read_text()
        installed = set(text.rsplit("--no-install-recommends", 1)[1].split("&&")[0].replace("\\", "").split())
        # Of Debian's smallest image.
        there = {"libc6", "libgcc-s1", "libstdc++6"}
        # What those need themselves comes with their packages.
        head = subprocess.run(["objdump", "-p", os.environ["PROGRAM"]], capture_output=True, text=True, check=True)
        names = re.findall(r"NEEDED\s+(\S+)", head.stdout)
        self.assertIn("libc.so.6", names)
        for name in names:
            owners = subprocess.run(["dpkg-query", "-S", f"*/{name}"], capture_output=True, text=True).stdout
            found = {line.split(":")[0] for line in owners.splitlines()}
            self.assertTrue(found & (installed | there), f"{name} is of {found}")


class Systemd(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
    def test_the_units_are_understood(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("mxpath.service", "mxpath.socket"):
                unit = (ROOT / "deploy/systemd" / name).read_text()
                # The program is where this test has it.
                unit = unit.replace("/usr/bin/mxpath", os.environ["PROGRAM"])
                with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                    out.write(unit)
            done = subprocess.run(
                ["systemd-analyze", "verify", "--man=no", f"{folder}/mxpath.service", f"{folder}/mxpath.socket"],
                capture_output=True,
                text=True,
            )
        said = [line for line in done.stderr.splitlines() if "mxpath" in line]
        self.assertEqual((done.returncode, said), (0, []), done.stderr)

    def test_it_waits_longer_than_answers_do(self):
        unit = (ROOT / "deploy/systemd/mxpath.service").read_text()
        self.assertGreater(int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.M).group(1)), 30)


if __name__ == "__main__":
    unittest.main()

"""The files of deploy/: YAML, the chart rendered where there is a helm, the units where there is a systemd."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml
from served import ROOT

CHART = ROOT / "deploy/helm/mxpath"


class Helm(unittest.TestCase):
    def test_values_and_chart_are_yaml(self):
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        self.assertEqual((chart["apiVersion"], chart["name"]), ("v2", "mxpath"))
        for key in ("version", "appVersion"):
            self.assertRegex(str(chart[key]), r"^\d+\.\d+\.\d+")

    def test_every_value_of_the_templates_is_in_values(self):
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        used = set()
        for path in (CHART / "templates").iterdir():
            used |= set(re.findall(r"\.Values\.([\w.]+)", path.read_text()))
        for name in used:
            value = values
            for part in name.split("."):
                self.assertIn(part, value, name)
                value = value[part]
        self.assertEqual(set(values) - {name.split(".")[0] for name in used}, set(), "no value is unused")

    def test_the_flags_of_the_templates_exist(self):
        known = subprocess.run([os.environ["PROGRAM"], "serve", "--help"], capture_output=True, text=True, check=True)
        for flag in re.findall(r"- (--[a-z-]+)", (CHART / "templates/deployment.yaml").read_text()):
            self.assertRegex(known.stdout, rf"{flag}\b")

    @unittest.skipUnless(shutil.which("helm"), "there is no helm")
    def test_the_rendered_manifests(self):
        subprocess.run(["helm", "lint", CHART], check=True)
        for more in ([], ["--set", "keySecret=k,serviceMonitor.enabled=true,drainSeconds=60"]):
            text = subprocess.run(["helm", "template", "x", CHART, *more], capture_output=True, text=True, check=True)
            found = {one["kind"]: one for one in yaml.safe_load_all(text.stdout) if one}
            self.assertEqual("ServiceMonitor" in found, bool(more))
            pod = found["Deployment"]["spec"]["template"]["spec"]
            (container,) = pod["containers"]
            drain = int(container["args"][container["args"].index("--drain") + 1])
            self.assertGreater(pod["terminationGracePeriodSeconds"], drain)
            self.assertEqual(container["readinessProbe"]["httpGet"]["path"], "/readyz")
            labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
            self.assertLessEqual(found["Service"]["spec"]["selector"].items(), labels.items())
            if more:
                self.assertIn("/etc/mxpath/keys", container["args"])


@unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
class Systemd(unittest.TestCase):
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

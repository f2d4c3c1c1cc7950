"""/openapi.json against the server that serves it, by schemathesis."""

import json
import os
import subprocess
import sys
import unittest

from served import QUICK, ROOT, WORK, ServedTest

# Not among them: that all bodies which the schemas allow are taken and all others refused. The schemas say types and
# ranges; a body may be right by them and name tokens that do not exist, and an unknown query parameter does no harm.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,allow_header_conformance,ignored_auth"
)


class Specification(ServedTest):
    flags = ("--max-reply", "48", "--max-queue", "64")

    def test_it_is_the_file_of_this_tree(self):
        ours = json.loads((ROOT / "src/server/data/openapi.json").read_text())
        self.assertEqual(self.server.get("/openapi.json").json()["paths"].keys(), ours["paths"].keys())

    def test_what_is_described_is_what_comes(self):
        phases = "examples,coverage" if QUICK else "examples,coverage,fuzzing"
        command = [
            os.path.join(os.path.dirname(sys.executable), "schemathesis"),
            "run",
            str(ROOT / "src/server/data/openapi.json"),
            *("--url", self.server.url, "--phases", phases, "--checks", CHECKS, "--seed", "1"),
            *("--max-examples", "25", "--request-timeout", "30", "--continue-on-failure", "--no-color"),
            *("--workers", "1", "--warnings", "off", "--suppress-health-check", "all", "--generation-database", "none"),
        ]
        report = WORK / "schemathesis.txt"
        with report.open("w", encoding="utf-8") as out:
            done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=WORK, timeout=600)
        self.assertEqual(done.returncode, 0, report.read_text(encoding="utf-8")[-20000:])


if __name__ == "__main__":
    unittest.main()

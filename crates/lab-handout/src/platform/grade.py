#!/usr/bin/env python3
"""Judges a submission with `cargo lab check`, and writes what Gradescope or classroom50 wants to
read.

    grade.py gradescope SUBMISSION results.json
    grade.py classroom50 SUBMISSION result.json

It takes the exercise's programs out of the submission and puts them into the folder where it
stands: nothing else of a submission is used, so a student cannot hand in another check. What cannot
be played (a program that is missing, or does not compile) fails its cases and says why; the points
that can be had are always the same.

Exit code 0: there is a result, good or bad. 1: the autograder itself failed, and there is none.

Python 3.8 or newer, standard library only. It is not a sandbox: the submission's programs run with
its own rights.
"""

import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# What one call of cargo may take, in seconds: a build of
# everything on a slow machine. The check has its own limits.
CALL_LIMIT = 900

# How much of a compiler's output is shown to the student, in characters.
SHOWN = 10_000

# Folders that are never looked into: they hold copies of programs, not programs.
IGNORED = {".git", "target", "vendor", "node_modules", "__pycache__", "__MACOSX"}

# What programs in the languages of a course end with (str.endswith takes all of them).
OTHER_LANGUAGES = (".py", ".rs", ".c", ".cpp", ".cs", ".go", ".java", ".js", ".kt", ".ts")

HERE = Path(__file__).resolve().parent


class Trouble(Exception):
    """The autograder itself failed: nothing is known about the submission."""


class Unplayable(Exception):
    """A program of the submission cannot be played, for a reason that its author has to hear."""


def main(arguments):
    if len(arguments) != 3 or arguments[0] not in ("gradescope", "classroom50"):
        print(__doc__, file=sys.stderr)
        return 1
    platform, submission, result = arguments[0], Path(arguments[1]).resolve(), Path(arguments[2]).resolve()
    try:
        exercise = json.loads((HERE / "grade.json").read_text(encoding="utf-8"))
        sides = [judge(exercise, side, submission) for side in sides_of(exercise)]
        write(result, gradescope(sides) if platform == "gradescope" else classroom50(sides))
    except (Trouble, OSError, ValueError) as error:
        print(f"the autograder itself failed, whatever was handed in: {error}", file=sys.stderr)
        return 1
    for side in sides:
        print(summary(side))
    return 0


def sides_of(exercise):
    """What there is to check: a side of an exercise each, with its cases and the program that plays
    it.
    """
    sides = []
    for check in exercise["checks"]:
        for case in json.loads(lab_check([check, "--list", "--format", "json"])):
            role = case["role"]
            side = next((s for s in sides if (s["check"], s["role"]) == (check, role)), None)
            if side is None:
                side = {"check": check, "role": role, "cases": []}
                sides.append(side)
            side["cases"].append(case)
    programs = exercise["programs"]
    for side in sides:
        fitting = [p for p in programs if p["role"] == side["role"]] or programs
        if len(fitting) != 1:
            raise Trouble(f"no program is the {side['role']} of {side['check']}")
        side["program"] = fitting[0]
    return sides


def judge(exercise, side, submission):
    """The side with its tests: each a name, whether it passed, and what is to be said about it."""
    try:
        put_in_place(exercise, side["program"], submission)
        if exercise["language"] == "rust":
            build(side["program"]["package"])
    except Unplayable as reason:
        said = [str(reason)] + ["not played: see the first case"] * (len(side["cases"]) - 1)
        tests = [not_passed(case, output) for case, output in zip(side["cases"], said)]
        return {**side, "tests": tests, "note": str(reason).splitlines()[0]}
    report = play(side["check"], side["role"], exercise["language"])
    tests = [
        {
            "name": test["name"],
            "passed": test["status"] == "passed",
            "output": test.get("output", ""),
            "question": test["tags"][0],
            "score": test.get("score", 0),
            "most": test.get("max_score", 0),
        }
        for test in report["tests"]
    ]
    # A check that was cut short tells of fewer cases than there are.
    known = {test["name"].split(":")[0] for test in tests}
    tests += [not_passed(case, "not played") for case in side["cases"] if case["id"] not in known]
    # The first line counts, as is done here for both sides; others say that the check was cut
    # short, or what was remarkable.
    note = "\n".join(report.get("output", "").splitlines()[1:])
    return {**side, "tests": tests, "note": note}


def not_passed(case, output):
    """A case that was not played. What only a real network asks for counts nothing."""
    counts = case["question"] == "sheet"
    return {
        "name": case["id"],
        "passed": False,
        "output": output,
        "question": case["question"],
        "score": 0,
        "most": case["weight"] if counts else 0,
    }


def put_in_place(exercise, program, submission):
    """Copies the student's program over the one in this folder."""
    found = find(exercise, program, submission)
    target = HERE / program["file"]
    if exercise["language"] == "rust":
        # With the modules that the student has put next to it.
        source = found.parent if found.name == "main.rs" and found.parent.name == "src" else None
        for module in plain_files(source, ".rs") if source else []:
            place = target.parent / module.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(module, place)
    shutil.copyfile(found, target)
    # Cargo builds what is newer than its last build.
    os.utime(target)


def find(exercise, program, submission):
    """The student's file for a program: where the hand-out has it, or under a name that leaves no
    doubt.
    """
    package, role = program["package"], program["role"]
    ending = ".rs" if exercise["language"] == "rust" else ".py"
    alone = len(exercise["programs"]) == 1
    files = list(plain_files(submission, ending))
    # With or without the folder crates/.
    place = Path(program["file"]).parts
    place = place[1:] if place[0] == "crates" else place
    names = {package + ending, package.replace("-", "_") + ending, role + ending} | set(program["names"])
    if alone:
        names.add("main" + ending)
    ways = [
        [file for file in files if file.parts[-len(place) :] == place],
        [file for file in files if file.name in names],
        files if alone else [],
    ]
    for fitting in ways:
        if len(fitting) > 1:
            listed = ", ".join(sorted(str(file.relative_to(submission)) for file in fitting))
            raise Unplayable(f"More than one file could be the {role}: {listed}. Hand in one.")
        if fitting:
            return fitting[0]
    stems = {package, package.replace("-", "_"), role, "main"}
    others = [file for file in plain_files(submission, OTHER_LANGUAGES) if file.stem.lower() in stems and file.suffix != ending]
    if others:
        listed = ", ".join(sorted(str(file.relative_to(submission)) for file in others))
        raise Unplayable(
            f"The {role} is in another language: {listed}. This assignment takes programs in {exercise['language'].title()}: "
            f"hand in {program['file']} or {role}{ending}."
        )
    named = ", ".join(sorted(str(file.relative_to(submission)) for file in files)) or f"no {ending} file at all"
    raise Unplayable(
        f"The {role} is missing. Hand in {program['file']} (in its folders, as a .zip) or {role}{ending}; there is: {named}."
    )


def plain_files(folder, ending):
    """The files below a folder with this ending, or one of several; links are left out, they lead
    elsewhere.
    """
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in IGNORED)
        for name in sorted(names):
            file = Path(path, name)
            if name.endswith(ending) and not file.is_symlink() and file.is_file():
                yield file


def build(package):
    done = cargo(["build", "--quiet", "--locked", "--package", package])
    if done.returncode != 0:
        raise Unplayable(f"The program does not compile.\n\n{done.stderr[-SHOWN:].strip()}")


def play(check, role, language):
    """Plays all cases of a side; the words rust and python stand for the program in this folder."""
    with tempfile.TemporaryDirectory(prefix="grade-") as folder:
        result = Path(folder, "result.json")
        words = [check, f"--{role}", language, "--format", "gradescope", "--out", str(result)]
        said = lab_check(words)
        if not result.exists():
            raise Trouble(f"cargo lab check left no result: {said}")
        return json.loads(result.read_text(encoding="utf-8"))


def lab_check(words):
    """Runs the check. That cases fail, or stay undecided, is a result; 3 and above is not."""
    run = ["run", "--quiet", "--locked", "--package", "lab-check", "--"]
    done = cargo(run + ["check"] + words)
    if done.returncode not in (0, 1, 2) or (done.returncode != 0 and "--out" not in words):
        raise Trouble(f"cargo lab check {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def cargo(words):
    """Runs cargo in this folder."""
    try:
        return subprocess.run(
            [os.environ.get("CARGO", "cargo")] + words,
            cwd=HERE,
            env={**os.environ, "CARGO_TERM_COLOR": "never"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            timeout=CALL_LIMIT,
            check=False,
        )
    except FileNotFoundError:
        raise Trouble("there is no cargo: is Rust installed?") from None
    except subprocess.TimeoutExpired:
        raise Trouble(f"cargo {' '.join(words)} took more than {CALL_LIMIT} seconds") from None


def name_of(side, test):
    return f"{side['role']}: {test['name']}"


def summary(side):
    """Both questions: does it do what the sheet asks, and would it survive a real network?"""
    said = []
    for question, words in (("sheet", "of what the sheet asks"), ("network", "of what a real network asks")):
        tests = [test for test in side["tests"] if test["question"] == question]
        if tests:
            said.append(f"{sum(test['passed'] for test in tests)} of {len(tests)} {words}")
    return f"{side['check']} {side['role']}: {', '.join(said)}. {side['note']}".strip()


def gradescope(sides):
    """https://gradescope-autograders.readthedocs.io/en/latest/specs/"""
    tests = [
        {
            "name": name_of(side, test),
            "name_format": "text",
            **({"score": test["score"], "max_score": test["most"]} if test["most"] else {}),
            "tags": [test["question"]],
            "status": "passed" if test["passed"] else "failed",
            "output": test["output"],
            "output_format": "text",
            "visibility": "visible",
        }
        for side in sides
        for test in side["tests"]
    ]
    return {
        "score": sum(test["score"] for side in sides for test in side["tests"]),
        "output": "\n".join(summary(side) for side in sides),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "tests": tests,
    }


def classroom50(sides):
    """The contract is described in classroom50's wiki, Advanced Autograding. Who submitted, and as
    what kind of assignment, is stamped by its runner."""
    tests = [
        {
            "test-name": name_of(side, test),
            "passed": test["passed"],
            "score": test["score"],
            "max-score": test["most"],
            # Fields of our own: they are kept as they are.
            "question": test["question"],
            "output": test["output"],
        }
        for side in sides
        for test in side["tests"]
    ]
    given = os.environ
    missing = [
        name for name in ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG", "COMMIT_URL", "RELEASE_URL") if not given.get(name)
    ]
    if missing:
        raise Trouble(f"classroom50's runner sets {', '.join(missing)}: this was started without it")
    return {
        "schema": "classroom50/result/v1",
        "classroom": given["CLASSROOM"],
        "assignment": given["ASSIGNMENT"],
        "submission": given["SUBMISSION_TAG"],
        "commit": given["COMMIT_URL"],
        "release": given["RELEASE_URL"],
        "review": given.get("REVIEW_URL") or given["COMMIT_URL"],
        "datetime": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }


def write(path, result):
    """With one step, so that no half can be read; what a program under test has written there is
    replaced.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(beside, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

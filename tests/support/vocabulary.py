"""The words of the fuzz tests: values, names and files that mean something to somebody on their way."""

from __future__ import annotations

from typing import Any

# fmt: off
NUMBERS = [  # numbers, and what looks like them
    "0", "1", "-1", "2", "3", "0.5", "-0.0", "1e3", "5.5", "1e-300", "1e308", "1e400", "-1e400", "nan", "inf",
    "-inf", "99999999999999999999", "-2147483649", "4294967295", "4294967296", "1_000", "0x10", "007", ".5", "5.",
    "+1", "1e", "--1", "١", "1" * 400, "1" * 5000,
]
WORDS = [  # values with a meaning somewhere: to YAML, to Hydra's grammar, to shells, terminals, files
    "", "~", "null", "None", "true", "no", "True", "a", "tpe", "grid", "accuracy", "loss", "???", "..", ".", "/",
    "a b", " a", "a ", "é", "日本", "😀", "\u202e", "a\tb", "a\nb", "\r", "\x1b[31m", "a'b", '"', "'", "`", "\\", "$",
    "%s", "'a'", '"a b"', "'a", "a,b", "a;b", "a:b", "a=b", "=tpe", "#", "a # b", "@", "!",
    "!!python/name:os.system", "&a", "*a", "${oc.env:HOME}", "${x}", "${seed}", "${study.name}",
    "${oc.env:NO_SUCH_NAME}", "${oc.env:", "${", "}", "${${x}}", "${study.n_trials}", "${oc.decode:1}",
    "${oc.create:{a:1}}", "${hydra:job.num}", "${now:%Y}", "${.a}", "${..}", "\\${x}", "[]", "[1,2]", "[a,[b]]", "[",
    "]", "[1,", "{}", "{a:1}", "{a: {b: [1]}}", "{", "{a}", "{1:2}", "{null:1}", "{a:1,a:2}", "2024-01-01", "12:30",
    "1,2", "0,1", "range(2)", "range(0)", "choice(1,2)", "sort(2,1)", "glob(*)", "glob(x)", "interval(0,1)",
    "shuffle(1,2)", "int(1)", "str(1)", "float(x)", "tag(a,1)", "extend_list(1)", "[0,1]", "x" * 300, "é" * 150,
    "x" * 5000, "-", "-x", "--", "con", "nul", "a.b", ".a", "-a", "a/b", "../a", "a*", "a?", "~/x", "lock", "hpo.db",
    "a\ud800", "\udcff", "\u2028x",
]
ANYWHERE = [  # places, few of which can be written to
    "/proc/x", "~no-such-user", "~no-such-user/x", "/proc/1/mem", "/dev/null", "/dev/null/x", "/dev/full", "file/x",
    "file", "folder", "x/y/z", "../mine", "sqlite:///x.db", "postgresql://u:secret@h/db", "http://[", "x" * 300,
    "a/" * 2000, "a\ud800", " ", "é/日本", "x.db", ".",
]
FIELDS = [  # what a space may set, and what not
    "model.drop_mult", "model.n_hid", "model.emb_sz", "model.n_layers", "model.x", "train.lr", "train.epochs",
    "train.batch_size", "train.weight_decay", "train.schedule", "train.freeze_epochs", "train.bptt", "train.max_len",
    "train.precision", "train.unfreeze", "train.lr_decay", "model.encoder", "model.bidir", "train.n_hid",
    "data.min_freq",
]
SMALL = [  # numbers of a param
    "0", "1", "2", "3", "4", "5", "8", "0.001", "0.01", "0.1", "0.25", "0.5", "1.0", "2.5", "-1", "1e-9", "null",
    "inf",
]
LISTS = [  # what stands for choices and levels
    "[]", "[1]", "[1,2]", "[2,4,4]", "[64,96]", "[a,b]", "[0.1,0.2,null]", "[true,false]", "[1,1.0]", "[[1]]",
    "[one_cycle]", "[fp32,bf16]", "[0.3]", "null", "3", "['']", "[1,a]", "[nan]", "[1e400]", "[{a:1}]",
    "[2,3,4,5,6]", "[0.01,0.1]",
]
WHENS = [  # conditions of a param
    "{param:model.n_hid,in:[64]}", "{param:train.lr,in:[0.01]}", "{param:x,in:[1]}", "{param:train.epochs,in:[]}",
    "{}", "null", "{param:model.n_hid,in:64}", "{param:train.schedule,in:[one_cycle]}",
    "{param:train.epochs,in:[2,a]}", "{in:[1]}", "3",
]
SCALARS: list[Any] = [  # values in a YAML file
    None, True, False, 0, 1, -1, 2, 3, 0.5, 1e+308, float("nan"), float("inf"), 1000000000000000000000000000000, "",
    "a", "tpe", "1", "null", "${x}", "${seed}", "${oc.env:HOME}", "${study}", "???", "é", "a b", "a\nb", "\u202e",
    "x" * 300, "float", "int", "categorical", "accuracy", "one_cycle", "a\x00b", "\x07", [], {}, [1, 2], [[1]],
    {'a': 1}, {1: 2}, {None: 1}, {True: 1}, {1.5: {2: 3}}, ['a', None, {'b': []}], {'_target_': 'os.system'},
    {'_partial_': True},
]
DEFAULTS = [  # entries of a defaults list
    "override /sampler: grid", "override /sampler: nope", "override /space: awd_lstm",
    "override /trainer: synthetic", "override hydra/launcher: joblib", "override /foo: bar", "/sampler: random",
    "/space/x", "experiment/x", "x", "/config", "/experiment: x", "/schema/sampler/tpe@_here_",
    "/schema/train/default@train", "optional nope: nope", "_self_", "_self_: 1", "/sampler: null",
    "/sampler: [grid, random]", "override /sampler: ${seed}", "null", "3", "[a]", "{a: b, c: d}",
    "/sampler@_global_: tpe",
]
HEADS = [  # first lines of a file
    "# @package _global_\n", "# @package _global_\n", "# @package _global_\n", "# @package _global_\n",
    "# @package _global_\n", "# @package _global_\n", "# @package _global_\n", "# @package _global_\n",
    "# @package _global_\n", "# @package _global_\n", "# @package _global_\n", "# @package _global_\n",
    "# @package _global_\n", "# @package _global_\n", "# @package _global_\n", "# @package _global_\n",
    "# @package _global_\n", "# @package _global_\n", "# @package _global_\n", "# @package _global_\n", "",
    "# @package foo\n", "# @package _group_\n", "# @package\n", "# @package a.b\n",
]
BREAKS = [  # what a slip puts into a file
    "\t", "\n", "  ", ":", "- ", "[", "{", "}", "]", "'", '"', "&a ", "*a", "*b", "!!python/object:os.system ",
    "!x ", "#", "?", "<<: *a", "|\n", ">", "%YAML 3.0\n", "---\n", "...\n", "\ufeff", "\x00", "\x85", "a: 1\na: 2\n",
    "@", "`", "\udcff", "0o7", "1_0",
]
RAW = [  # whole files
    "", "a", "- 1", "3", "null", "[]", "{}", "a: &x\n  b: *x\n", "a: &x [*x]\n", "a: *nope\n", "? [1, 2]\n: 3\n",
    "{" * 100, "[" * 5000, "a: {b: " * 100, "study:\n  n_trials: 2\n n_epochs: 3\n",
    "study: {n_trials: 2, n_trials: 3}\n", "a: b: c\n", "\tstudy: 1\n", "seed: 1\nseed: 2\n", "seed: 2024-01-01\n",
    "seed: 12:30\n", "seed: !!python/name:os.system\n", "seed: !!binary aGk=\n", "seed: !!set {a}\n",
    "base: &b {low: 0.1}\nspace: {train: {lr: {<<: *b}}}\n", "study:\n", "space:\n", "space: {train: }\n",
    "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: &d [*c,*c]\n", "seed: 0777\n", "seed: 1e3\n", "seed: 0x1F\n",
    "study.n_trials: 3\n", "hydra:\n  run: {dir: x}\n", "hydra:\n  callbacks: {x: {_target_: os.system}}\n",
    "hydra: 3\n", "defaults: 3\n", "defaults:\n", "defaults: {a: b}\n", "seed: ${\n", "seed: ${oc.env:NOPE}\n",
    "seed: ${oc.env:NOPE,3}\n", "data: ${model}\n", "study: ${study}\n",
]
NAMES = [  # names of strategies, tasks and experiments
    "a", "tpe", "a+b", "é", "a b", "$x$", "$", "a/b", "..", "%s", "<b>", "{x}", "\\\\", "_", "^", "x" * 250, "#",
    "1", "null", "",
]
SETS = [  # what a strategy changes
    "{sampler: tpe}", "{sampler: nope}", "{}", "null", "3", "[]", "{pruner: asha}", "{seed: 1}",
    "{study.n_trials: 3}", "{space.train.lr.high: 0.05}",
    "{+space.train: {weight_decay: {type: float, low: 0.001, high: 0.3}}}", "{train.lr: 0.02}",
    "{~space.train.lr: null}", "{train: {epochs: 2}}", "{storage: memory}", "{executor: inline}", "{tracking: none}",
    "{x: 1}", "{sampler: [grid, tpe]}", "{sampler: {a: 1}}", "{train.lr: ${seed}}", "{experiment: smoke}",
    "{seeds: 2}", "{'': 1}", "{a b: 1}", "{-m: 1}", "{hydra.run.dir: x}", "{model.n_hid: 64, model: {n_hid: 96}}",
    "{train.lr: 'a b'}", "{study: {metric: valid_loss}}", "{data.max_words: 30}", "{trainer.noise: 0.1}",
    "{space: awd_lstm}", "{sampler.n_startup_trials: 1}", "{comparison: smoke}",
]
PATHS = [  # files that may be the record
    "hpo.db", "nope.db", ".", "", "studies", "/proc/x", "/dev/null", "file", "../mine/x.csv", "other.db", "x" * 300,
]
COLUMNS = [  # what a table of trials must have
    "experiment", "task", "strategy", "seed", "trial", "value", "state", "epochs", "seconds",
]
MORE = [  # what it may have
    "test", "metric", "direction", "ended_s", "reason", "continued", "param.x", "param.", "other", "", "value",
]
STATES = [  # words for the state of a trial
    "COMPLETE", "PRUNED", "FAIL", "RUNNING", "completed", "ok", "nope", "", "diverged",
]
TEXTS = ["a", "null", "a b", "''", "'é'", "'a b'", '"x/y"', "'*'", "..", "'a:b'", "x" * 201]  # names of something
PREFIXES = [*[""] * 12, "+", "+", "++", "~", "~", "-", "--", "~~", "+~", " ", "'"]  # what stands before a path
SEPARATORS = [*["="] * 16, "==", ":", " ", "", " = ", "=\n"]  # what stands behind it
SLIPS = [  # a path with a slip in it
    "{before}{after}", "{before}{at}{at}{after}", "{before}.{at}{after}", "{before} {at}{after}", "{before}X{after}",
    "{path}.x", "{path}.", ".{path}", "{path}[0]", "{path}@x", "{path}@_global_", "{path}@x:y", "conf.{path}",
    "{path}._target_", "{path}/x", "{path}-", "{path}{path}", "{{{path}}}",
]
FLAGS = [  # options, ours and Hydra's and nobody's
    ["-m"], ["-m"], ["--multirun"], ["--cfg"], ["--cfg", "job"], ["--cfg", "all"], ["--cfg=x"], ["--resolve"],
    ["-c", "job", "--resolve"], ["-c", "job", "-p", "train"], ["-c", "job", "-p", "nothing"], ["-c", "job", "-p", "["],
    ["--config-dir"], ["--config-dir", "nowhere"], ["--config-dir", "."], ["--config-dir", "../mine"],
    ["--config-dir=file"], ["--config-name", "compare"], ["--config-path", "."],
    ["--experimental-rerun", "x"], ["--info"], ["--info", "config"], ["--hydra-help"], ["--version"], ["--run"],
    ["--shell-completion"], ["-sc", "install=bash"], ["--sampler=tpe"], ["--sampler", "tpe"], ["-n", "5"], ["--help"],
    ["--"], ["-"], ["--c"], [""], ["sampler", "tpe"], ["5"], ["tpe"], ["hydra.run.dir=x"], ["hydra/launcher=joblib"],
]
CHOICES = {  # options that exist
    "sampler": ["grid", "random", "tpe"],
    "pruner": ["none", "median", "asha", "hyperband"],
    "data": ["docstrings", "imdb", "folder", "table"],
    "space": ["awd_lstm", "awd_lstm_small", "table"],
    "storage": ["sqlite", "memory"],
    "executor": ["inline", "simulated"],
    "trainer": ["synthetic", "replay"],
    "experiment": ["smoke", "imdb", "imdb_cpu", "replay", "null"],
}
ENTRY = {  # the keys of a param, and values of each
    "type": ["float", "int", "categorical", "float", "int", "bool"],
    "low": SMALL,
    "high": SMALL,
    "log": ["true", "false", "null"],
    "step": SMALL,
    "choices": LISTS,
    "levels": LISTS,
    "n_levels": SMALL,
    "when": WHENS,
    "lo": ["1"],
}
STARTS: list[dict[str, str]] = [  # params to begin with
    {"type": "float", "low": "0.001", "high": "0.5"},
    {"type": "int", "low": "2", "high": "5"},
    {"type": "int", "low": "1", "high": "8", "log": "true"},
    {"type": "categorical", "choices": "[64,96]"},
    {"type": "categorical", "choices": "[0.1,0.2]"},
    {"type": "categorical", "choices": "[one_cycle,fine_tune]"},
    {},
]
# fmt: on

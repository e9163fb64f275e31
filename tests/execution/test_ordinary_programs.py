"""Programs as people write them, and the verdict that each is due; each table in one run of the executor.

What passes, and what fails, the interpreter says itself; of what lacks something the sandbox cannot say either.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rlaif.execution import Executor, Verdict

PASSES = {
    "gc referrers": "import gc\na = [1]\nb = [a]\nprint(b in gc.get_referrers(a))",
    "inspect source": (
        "import inspect\ndef f(x):\n    return x\nprint(inspect.getsource(f), inspect.signature(f))\n"
        "assert 'return x' in inspect.getsource(f)"
    ),
    "inspect currentframe": (
        "import inspect\ndef f():\n    return inspect.currentframe().f_back.f_lineno\nassert f() == 4"
    ),
    "inspect stack": "import inspect\nassert inspect.stack()[0].function == '<module>'",
    "exec": "exec('x = 1')\nassert x == 1",
    "compile": "c = compile('1+1', '<s>', 'eval')\nassert eval(c) == 2",
    "timeit globals": "import timeit\ndef f(): pass\nprint(timeit.timeit('f()', globals=globals(), number=10))",
    "timeit setup main": (
        "import timeit\ndef f(): pass\nprint(timeit.timeit('f()', setup='from __main__ import f', number=10))"
    ),
    "cProfile": "import cProfile\ndef f(): pass\ncProfile.run('f()')",
    "trace": "import trace\nt = trace.Trace(count=1, trace=0)\nt.runfunc(sum, [1])",
    "tracemalloc": "import tracemalloc\ntracemalloc.start()\nprint(tracemalloc.get_traced_memory())",
    "settrace": (
        "import sys\nlines = []\ndef tr(f, e, a):\n    lines.append(e)\n    return tr\ndef g():\n    return 1\n"
        "sys.settrace(tr)\ng()\nsys.settrace(None)\nassert 'call' in lines, lines"
    ),
    "setprofile": (
        "import sys\nn = []\nsys.setprofile(lambda f, e, a: n.append(e))\nlen('')\nsys.setprofile(None)\n"
        "assert n"
    ),
    "settrace left on": "import sys\ndef tr(*a): return tr\nsys.settrace(tr)\ndef f(): return 1\nf()",
    "setprofile left on": "import sys\nsys.setprofile(lambda *a: None)\ndef f(): return 1\nf()",
    "traceback": (
        "import traceback\ntry:\n    1/0\nexcept ZeroDivisionError:\n    s = traceback.format_exc()\n"
        "assert '1/0' in s and 'ZeroDivisionError' in s, s"
    ),
    "traceback print": (
        "import traceback\ntry:\n    1/0\nexcept Exception as e:\n    traceback.print_exc()\n"
        "    traceback.print_exception(e)"
    ),
    "logging file": (
        "import logging\nlogging.basicConfig(filename='a.log', level='INFO')\nlogging.info('x')\n"
        "assert 'x' in open('a.log').read()"
    ),
    "warnings catch": (
        "import warnings\nwith warnings.catch_warnings(record=True) as w:\n"
        "    warnings.simplefilter('always')\n    warnings.warn('x')\nassert len(w) == 1"
    ),
    "dataclass future": (
        "from __future__ import annotations\nfrom dataclasses import dataclass, fields\n@dataclass\nclass A:\n"
        "    x: int = 1\nassert fields(A)[0].type == 'int'"
    ),
    "pickle class main": "import pickle\nclass A: pass\npickle.loads(pickle.dumps(A()))",
    "contextlib": (
        "import contextlib, io\nb = io.StringIO()\nwith contextlib.redirect_stdout(b):\n    print('x')\n"
        "assert b.getvalue() == 'x\\n'"
    ),
    "typing hints": "import typing\ndef f(x: int) -> str: ...\nassert typing.get_type_hints(f)['x'] is int",
    "globals locals vars": (
        "x = 1\nassert globals()['x'] == 1 and locals()['x'] == 1\nclass A: pass\na = A(); a.b = 1\n"
        "assert vars(a) == {'b': 1}"
    ),
    "sys.modules": "import sys\nassert sys.modules['__main__'].__dict__ is globals()",
    "__main__ import": "import __main__\nx = 1\nassert __main__.x == 1",
    "__file__": "import os\nassert os.path.exists(__file__) and open(__file__).read().startswith('import os')",
    "subclasses": "class A: pass\nclass B(A): pass\nassert A.__subclasses__() == [B]",
    "closure": "def f(x):\n    return lambda: x\nassert f(1).__closure__[0].cell_contents == 1",
    "func globals": "def f(): pass\nassert f.__globals__ is globals() and f.__code__.co_name == 'f'",
    "generator frame": "def g():\n    x = 1\n    yield x\na = g()\nnext(a)\nassert a.gi_frame.f_locals['x'] == 1",
    "weakref finalize": "import weakref\nclass A: pass\na = A()\nweakref.finalize(a, print, 'x')\ndel a",
    "__del__": "class A:\n    def __del__(self):\n        print('del')\na = A()\ndel a\nb = A()",
    "code interact": (
        "import code\nc = code.InteractiveInterpreter()\nc.runsource('x = 1')\nassert c.locals['x'] == 1"
    ),
    "runpy": (
        "import runpy, pathlib\npathlib.Path('m.py').write_text('x = 1')\n"
        "assert runpy.run_path('m.py')['x'] == 1"
    ),
    "excepthook": "import sys\nsys.excepthook = lambda *a: print('x')\nprint(1)",
    "faulthandler enable": "import faulthandler, sys\nfaulthandler.enable(file=open('o', 'w'))",
    "resource": "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)",
    "help": "help(len)",
    "dup2 redirect": (
        "import os, sys\nsaved = os.dup(1)\nf = open('o', 'w')\nos.dup2(f.fileno(), 1)\nos.write(1, b'hi')\n"
        "os.dup2(saved, 1)\nassert open('o').read() == 'hi'"
    ),
    "os.pipe": "import os\nr, w = os.pipe()\nos.write(w, b'x')\nassert os.read(r, 1) == b'x'",
    "fcntl": "import fcntl\nf = open('a', 'w')\nfcntl.flock(f, fcntl.LOCK_EX)",
    "mmap file": (
        "import mmap\nopen('a', 'wb').write(b'x' * 100)\n"
        "with open('a', 'r+b') as f, mmap.mmap(f.fileno(), 0) as m:\n    assert m[0] == 120\n    m[0:1] = b'y'"
    ),
    "mmap anon": "import mmap\nm = mmap.mmap(-1, 100)\nm.write(b'hi')\nm.seek(0)\nassert m.read(2) == b'hi'",
    "ctypes struct": (
        "import ctypes\nclass P(ctypes.Structure):\n    _fields_ = [('x', ctypes.c_int)]\n"
        "assert P(1).x == 1 and ctypes.sizeof(P) == 4"
    ),
    "signal raise": (
        "import signal, os\nhit = []\nsignal.signal(signal.SIGUSR1, lambda *a: hit.append(1))\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\nassert hit"
    ),
    "setitimer": (
        "import signal, time\nhit = []\nsignal.signal(signal.SIGALRM, lambda *a: hit.append(1))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\ntime.sleep(0.2)\nassert hit"
    ),
    "pending alarm": "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)\nsignal.alarm(100)\nprint(1)",
    "sigmask": (
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})\n"
        "signal.raise_signal(signal.SIGUSR1)"
    ),
    "tempfile": (
        "import tempfile, os\nwith tempfile.NamedTemporaryFile('w+') as f:\n    f.write('x')\n"
        "with tempfile.TemporaryDirectory() as d:\n    open(os.path.join(d, 'a'), 'w').write('x')"
    ),
    "tempfile unnamed": (
        "import tempfile\nf = tempfile.TemporaryFile()\nf.write(b'x')\nf.seek(0)\nassert f.read() == b'x'"
    ),
    "shelve sqlite": (
        "import shelve, sqlite3\nwith shelve.open('s') as s:\n    s['a'] = 1\nc = sqlite3.connect('d.db')\n"
        "c.execute('create table t(x)')\nc.execute('insert into t values(1)')\nc.commit()\n"
        "assert c.execute('select * from t').fetchall() == [(1,)]"
    ),
    "zip tar gz": (
        "import zipfile, tarfile, gzip\nwith zipfile.ZipFile('a.zip', 'w') as z:\n    z.writestr('a', 'x')\n"
        "with tarfile.open('a.tar.gz', 'w:gz') as t:\n    t.add('a.zip')\nwith gzip.open('a.gz', 'wt') as g:\n"
        "    g.write('x')"
    ),
    "asyncio queue timeout": (
        "import asyncio\nasync def main():\n    q = asyncio.Queue()\n    try:\n"
        "        await asyncio.wait_for(q.get(), 0.01)\n    except asyncio.TimeoutError:\n"
        "        print('late')\nasyncio.run(main())"
    ),
    "asyncio to_thread": (
        "import asyncio, time\nasync def main():\n    await asyncio.to_thread(time.sleep, 0.01)\n"
        "asyncio.run(main())"
    ),
    "threadpool": (
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as p:\n"
        "    assert list(p.map(lambda x: x + 1, range(3))) == [1, 2, 3]"
    ),
    "threadpool unclosed": (
        "from concurrent.futures import ThreadPoolExecutor\np = ThreadPoolExecutor(2)\np.submit(print, 1)"
    ),
    "thread queue": (
        "import threading, queue\nq = queue.Queue()\ndef w():\n    while True:\n        q.get()\n"
        "        q.task_done()\nthreading.Thread(target=w, daemon=True).start()\nq.put(1)\nq.join()"
    ),
    "main_thread join": (
        "import threading\ndef w():\n    threading.main_thread().join()\n    print('x')\n"
        "threading.Thread(target=w).start()"
    ),
    "main_thread alive": (
        "import threading, time\ndef w():\n    while threading.main_thread().is_alive():\n"
        "        time.sleep(0.01)\nthreading.Thread(target=w).start()"
    ),
    "timer": "import threading\nthreading.Timer(0.05, print, ('x',)).start()",
    "daemon thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "spinning daemon": (
        "import threading\ndef f():\n    while True: pass\nthreading.Thread(target=f, daemon=True).start()\n"
        "print(1)"
    ),
    "socketpair": "import socket\na, b = socket.socketpair()\na.send(b'x')\nassert b.recv(1) == b'x'",
    "selectors": (
        "import selectors, socket\ns = selectors.DefaultSelector()\na, b = socket.socketpair()\n"
        "s.register(a, selectors.EVENT_READ)\nb.send(b'x')\nassert s.select(1)"
    ),
    "stdin read": "import sys\nassert sys.stdin.read() == ''",
    "input loop EOF": "while True:\n    try:\n        x = input()\n    except EOFError:\n        break",
    "big output": "for i in range(20000):\n    print('x' * 100)",
    "recursion caught": "def f(): return f()\ntry:\n    f()\nexcept RecursionError:\n    print('deep')",
    "big int str limit off": "import sys\nsys.set_int_max_str_digits(0)\nprint(len(str(10 ** 5000)))",
    "builtins changed": "import builtins\nbuiltins.print = lambda *a: None\nprint(1)",
    "shadow": "list = [1]\nid = 2\nopen = 3\ntype = str\nprint(list, id)",
    "del builtins": "import builtins\ndel builtins.issubclass\nprint(1)",
    "unittest mock": (
        "from unittest import mock\nwith mock.patch('os.getcwd', return_value='x'):\n    import os\n"
        "    assert os.getcwd() == 'x'"
    ),
    "unittest patch builtins": (
        "from unittest.mock import patch\nwith patch('builtins.print') as p:\n    print(1)\n"
        "p.assert_called_once_with(1)"
    ),
    "unittest IsolatedAsyncio": (
        "import unittest\nclass T(unittest.IsolatedAsyncioTestCase):\n    async def test_a(self):\n"
        "        self.assertTrue(True)\nunittest.main()"
    ),
    "unittest skip": (
        "import unittest\nclass T(unittest.TestCase):\n    @unittest.skip('x')\n    def test_a(self): pass\n"
        "unittest.main()"
    ),
    "unittest buffer": (
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        print('x')\n"
        "unittest.main(buffer=True, failfast=True, catchbreak=True)"
    ),
    "unittest expected failure": (
        "import unittest\nclass T(unittest.TestCase):\n    @unittest.expectedFailure\n"
        "    def test_a(self): self.fail()\nunittest.main()"
    ),
    "unittest assertLogs": (
        "import unittest, logging\nclass T(unittest.TestCase):\n    def test_a(self):\n"
        "        with self.assertLogs() as c:\n            logging.warning('x')\nunittest.main()"
    ),
    "doctest attempts": (
        "def f():\n    '''\n    >>> f()\n    1\n    '''\n    return 1\nimport doctest\nr = doctest.testmod()\n"
        "assert r.attempted == 1, r"
    ),
    "pytest-like": (
        "def test_a():\n    assert 1 == 1\nfor name, f in list(globals().items()):\n"
        "    if name.startswith('test_'):\n        f()\nprint('ok')"
    ),
    "exit code 0 int subclass": "import enum\nclass C(enum.IntEnum):\n    OK = 0\nimport sys\nsys.exit(C.OK)",
    "try finally cleanup exit": (
        "import sys\ndef main():\n    sys.exit(0)\ntry:\n    main()\nfinally:\n    print('cleanup')"
    ),
    "exit from future at end": (
        "import sys\nfrom concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as p:\n"
        "    p.submit(sys.exit, 0).result()"
    ),
    "while True exit": "import sys\nn = 0\nwhile True:\n    n += 1\n    if n == 3:\n        sys.exit(0)",
    "exit caught": "import sys\ntry:\n    sys.exit(3)\nexcept SystemExit:\n    pass\nprint('on')",
    "sys.exit replaced": "import sys\nsys.exit = lambda *a: None\nsys.exit(1)\nprint('on')",
    "atexit exit end": "import atexit, sys\natexit.register(print, 'bye')\nsys.exit(0)",
    "linecache": "import linecache\nassert linecache.getline(__file__, 1).startswith('import')",
    "tokenize": (
        "import tokenize\nwith open(__file__, 'rb') as f:\n    print(len(list(tokenize.tokenize(f.readline))))"
    ),
    "local module": "open('mymod.py', 'w').write('x = 1')\nimport mymod\nassert mymod.x == 1",
    "zipimport": (
        "import zipfile, sys\nwith zipfile.ZipFile('m.zip', 'w') as z:\n    z.writestr('zm.py', 'x = 1')\n"
        "sys.path.insert(0, 'm.zip')\nimport zm\nassert zm.x == 1"
    ),
    "inspect.getmodule": "import inspect, sys\ndef f(): pass\nassert inspect.getmodule(f) is sys.modules['__main__']",
    "__doc__ and future": "'''D.'''\nfrom __future__ import annotations\nx: foo = 1\nassert __doc__ == 'D.'",
    "replace stdout": "import sys, io\nsys.stdout = io.StringIO()\nprint(1)",
    "close stdio": "import sys\nsys.stdout.close()",
    "urlopen caught": (
        "import urllib.request, urllib.error\ntry:\n    urllib.request.urlopen('http://example.com')\n"
        "except urllib.error.URLError as e:\n    print(e)"
    ),
}  # fmt: skip

FAULTS = {
    "exit after error handled": (
        "import sys\ntry:\n    1/0\nexcept ZeroDivisionError:\n    print('bad')\n    sys.exit(1)"
    ),
    "unittest subTest fail": (
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        for i in range(3):\n"
        "            with self.subTest(i):\n                self.assertNotEqual(i, 1)\nunittest.main()"
    ),
    "exit code enum fail": "import enum\nclass C(enum.IntEnum):\n    BAD = 2\nimport sys\nsys.exit(C.BAD)",
    "doctest fail exit": (
        "def f():\n    '''\n    >>> f()\n    2\n    '''\n    return 1\nimport doctest, sys\n"
        "sys.exit(doctest.testmod().failed)"
    ),
    "pytest-like fail": (
        "def test_a():\n    assert 1 == 2\nfor name, f in list(globals().items()):\n"
        "    if name.startswith('test_'):\n        f()"
    ),
    "warnings error": "import warnings\nwarnings.simplefilter('error')\nwarnings.warn('x')",
    "excepthook error": "import sys\nsys.excepthook = lambda *a: None\n1/0",
    "surrogate print": "print('\\ud800')",
    "big int str": "print(10 ** 5000)",
    "str raising": "class E(Exception):\n    def __str__(self): raise KeyError(1)\nraise E",
    "str exits": "import sys\nclass E(Exception):\n    def __str__(self): sys.exit(0)\nraise E",
    "group": "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])",
    "keyboard": "raise KeyboardInterrupt",
    "generator exit": "raise GeneratorExit",
    "syntax by hand": "raise SyntaxError('x')",
    "syntax eval": "eval('1 +')",
    "null byte source": "print(1)\x00",
    "notes": "e = ValueError('x')\ne.add_note('note')\nraise e",
    "cause cycle": "a = ValueError('a')\nb = ValueError('b')\na.__cause__ = b\nb.__cause__ = a\nraise a",
    "exception with property message": (
        "class E(Exception):\n    @property\n    def args(self): raise SystemExit(0)\nraise E('x')"
    ),
    "metaclass name lie": (
        "class M(type):\n    __name__ = property(lambda s: 1/0)\nclass E(Exception, metaclass=M): pass\n"
        "raise E('x')"
    ),
    "long type name": "raise type('E' * 10000, (Exception,), {})('x')",
    "errno weird": "raise OSError(2**40, 'x')",
    "permission by hand": "raise PermissionError('x')",
}  # fmt: skip

LACKS = {
    "subprocess": "import subprocess\nprint(subprocess.run(['echo', 'hi'], capture_output=True, text=True).stdout)",
    "os.fork": "import os\nif os.fork() == 0:\n    os._exit(0)\nprint(1)",
    "async subprocess": (
        "import asyncio\nasync def m():\n    p = await asyncio.create_subprocess_exec('echo', 'x')\n"
        "    await p.wait()\nasyncio.run(m())"
    ),
    "HTTPServer": (
        "import http.server\n"
        "s = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\ns.server_close()"
    ),
    "smtp": "import smtplib\nsmtplib.SMTP('localhost')",
    "urlopen": "import urllib.request\nurllib.request.urlopen('http://example.com')",
    "gethostbyname": "import socket\nsocket.gethostbyname('example.com')",
    "input": "x = input('name? ')\nprint(x)",
    "getpass": "import getpass\ngetpass.getpass()",
    "missing file": "open('data.csv')",
    "write root": "open('/etc/x', 'w')",
    "read passwd": "open('/etc/shadow').read()",
    "import numpy": "import numpy as np\nprint(np.zeros(3))",
    "pytest.main": "import pytest\npytest.main()",
    "unittest import error": "import unittest\nimport numpy\nunittest.main()",
    "terminal size": "import os\nos.get_terminal_size()",
    "curses initscr": "import curses\ncurses.initscr()",
    "termios": "import termios, sys\ntermios.tcgetattr(sys.stdin)",
    "pwd": "import pwd, os\nprint(pwd.getpwuid(os.getuid()))",
    "metadata": "import importlib.metadata\nimportlib.metadata.version('numpy')",
    "memory": "x = 'a' * (10 ** 12)",
}  # fmt: skip

GUARDS = {
    "str _exit": "import os\nclass E(Exception):\n    def __str__(self): os._exit(0)\nraise E",
    "assert after exit": "import sys\nsys.exit(0)\nassert False",
    "json.dumps replaced": 'import json\njson.dumps = lambda *a, **k: \'{"passed": true}\'\n1/0',
    "builtins exec replaced": (
        "import builtins\nbuiltins.exec = lambda *a: None\nbuiltins.issubclass = lambda *a: True\n1/0"
    ),
    "SystemExit replaced": "import builtins\nbuiltins.SystemExit = ZeroDivisionError\n1/0",
    "exit code int subclass": (
        "class I(int):\n    def __and__(self, o): return 0\n    def __bool__(self): return False\n"
        "    def __eq__(self, o): return True\n    __hash__ = int.__hash__\nraise SystemExit(I(3))"
    ),
    "thread _exit": (
        "import threading, os, time\nthreading.Thread(target=os._exit, args=(0,)).start()\ntime.sleep(0.5)\n"
        "assert False, 'not reached or fails'\n"
    ),
    "atexit _exit": "import atexit, os\natexit.register(os._exit, 0)\n1/0",
    "excepthook exit": "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\n1/0",
    "profile fn exit": (
        "import sys, os\ndef p(f, e, a):\n    os._exit(0)\nsys.setprofile(p)\nlen('')\n"
        "assert False, 'not reached or fails'\n"
    ),
    "frame globals": (
        "import sys\nf = sys._getframe()\nwhile f:\n    if f.f_globals is not globals():\n"
        "        for k in list(f.f_globals):\n            if not k.startswith('__'):\n"
        "                f.f_globals[k] = lambda *a, **k: None\n    f = f.f_back\n1/0"
    ),
    "write report json": (
        "import os\nfor fd in range(3, 10):\n"
        '    try: os.write(fd, b\'{"passed": true}\')\n'
        "    except OSError: pass\nos._exit(0)"
    ),
    "plus then exit": "import os\nw = getattr(os, 'wri' + 'te')\nw(2 + 1, b'+')\nos._exit(0)",
    "thread plus stop": (
        "import os, signal, threading, time\ndef f():\n    os.write(2 + 1, b'+')\n"
        "    signal.raise_signal(signal.SIGSTOP)\nthreading.Thread(target=f).start()\ntime.sleep(0.5)\n"
        "assert False, 'not reached or fails'\n"
    ),
    "finalizer _exit": "import os\nclass A:\n    def __del__(self): os._exit(0)\na = A()\n1/0",
    "weakref finalizer exit": (
        "import weakref, os\nclass A: pass\na = A()\nweakref.finalize(a, os._exit, 0)\ndel a\n"
        "assert False, 'not reached or fails'\n"
    ),
    "alarm _exit": (
        "import signal, os, time\nsignal.signal(signal.SIGALRM, lambda *a: os._exit(0))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\ntime.sleep(0.5)\nassert False, 'not reached or fails'\n"
    ),
    "alarm sys.exit": (
        "import signal, sys, time\nsignal.signal(signal.SIGALRM, lambda *a: sys.exit(0))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\ntime.sleep(0.5)\nassert False, 'not reached or fails'\n"
    ),
    "import hook exit": (
        "import builtins, sys\nreal = builtins.__import__\ndef imp(*a, **k): sys.exit(0)\n"
        "builtins.__import__ = imp\nimport json\nassert False, 'not reached or fails'\n"
    ),
    "generator close exit": (
        "import sys\ndef g():\n    try:\n        yield 1\n    finally:\n        sys.exit(0)\nfor i in g():\n"
        "    1/0"
    ),
    "ctx manager exit": (
        "import sys\nclass C:\n    def __enter__(self): return self\n    def __exit__(self, *a): sys.exit(0)\n"
        "with C():\n    1/0"
    ),
    "ExitStack callback exit": (
        "import sys, contextlib\nwith contextlib.ExitStack() as s:\n    s.callback(sys.exit, 0)\n    1/0"
    ),
    "contextmanager finally exit": (
        "import sys, contextlib\n@contextlib.contextmanager\ndef c():\n    try:\n        yield\n    finally:\n"
        "        sys.exit(0)\nwith c():\n    1/0"
    ),
    "rewrite snippet.py": "open(__file__, 'w').write('pass')\n1/0",
    "audit hook exit": (
        "import sys, os\nsys.addaudithook(lambda e, a: os._exit(0) if e == 'open' else None)\nopen('a', 'w')\n"
        "assert False, 'not reached or fails'\n"
    ),
    "audit hook SystemExit": (
        "import sys\ndef h(e, a):\n    if e == 'open': raise SystemExit(0)\nsys.addaudithook(h)\n"
        "open('a', 'w')\nassert False, 'not reached or fails'\n"
    ),
    "threading excepthook": (
        "import threading, os\nthreading.excepthook = lambda *a: os._exit(0)\n"
        "t = threading.Thread(target=lambda: 1/0)\nt.start()\nt.join()\nassert False, 'not reached or fails'\n"
    ),
    "unraisablehook": (
        "import sys, os\nsys.unraisablehook = lambda *a: os._exit(0)\nclass A:\n    def __del__(self): 1/0\n"
        "a = A()\ndel a\nassert False, 'not reached or fails'\n"
    ),
    "gc callbacks": (
        "import gc, os\ngc.callbacks.append(lambda *a: os._exit(0))\ngc.collect()\n"
        "assert False, 'not reached or fails'\n"
    ),
    "warnings showwarning": (
        "import warnings, sys\nwarnings.showwarning = lambda *a, **k: sys.exit(0)\nwarnings.warn('x')\n"
        "assert False, 'not reached or fails'\n"
    ),
    "logging handler": (
        "import logging, sys\nclass H(logging.Handler):\n    def emit(self, r): sys.exit(0)\n"
        "logging.getLogger().addHandler(H())\nlogging.error('x')\nassert False, 'not reached or fails'\n"
    ),
    "faulthandler later exit": (
        "import faulthandler, time\nfaulthandler.dump_traceback_later(0.05, exit=True)\ntime.sleep(0.5)\n"
        "assert False, 'not reached or fails'\n"
    ),
    "handler SIGTERM exit": (
        "import os, signal, sys\nsignal.signal(signal.SIGTERM, lambda *a: sys.exit(0))\n"
        "os.kill(os.getpid(), signal.SIGTERM)\nassert False, 'not reached or fails'\n"
    ),
    "threads keep stopping": (
        "import threading, os, signal\ndef f():\n    while True:\n        try: os.write(2 + 1, b'+')\n"
        "        except OSError: pass\nthreading.Thread(target=f, daemon=True).start()\n1/0"
    ),
    "exit in class body": "import sys\nclass A:\n    sys.exit(0)\nassert False, 'not reached or fails'\n",
    "exit in decorator": "import sys\n@sys.exit\ndef f(): pass\nassert False, 'not reached or fails'\n",
    "exit in default": "import sys\ndef f(x=sys.exit(0)): pass\nassert False, 'not reached or fails'\n",
    "stderr write raising exit": (
        "import sys\nclass W:\n    def write(self, s): raise SystemExit(0)\n    def flush(self): pass\n"
        "sys.stderr = sys.stdout = W()\nprint('x')\nassert False, 'x'\n"
    ),
    "thread join exit": (
        "import threading\nclass T(threading.Thread):\n    def join(self, *a): raise SystemExit(0)\n"
        "T(target=lambda: None).start()\n1/0"
    ),
    "async loop exit early": (
        "import asyncio, sys\nasync def main():\n    asyncio.get_running_loop().call_soon(sys.exit, 0)\n"
        "    await asyncio.sleep(0.05)\nasyncio.run(main())\nassert False, 'x'\n"
    ),
    "hash exit": "class A:\n    def __hash__(self): raise SystemExit(0)\n{A(): 1}\nassert False, 'x'\n",
    "metaclass call exit": (
        "class M(type):\n    def __call__(c): raise SystemExit(0)\nclass A(metaclass=M): pass\nA()\n"
        "assert False, 'x'\n"
    ),
    "import local module that exits": (
        "open('mm.py', 'w').write('import sys; sys.exit(0)')\nimport mm\nassert False, 'x'\n"
    ),
    "exec exits": "exec('raise SystemExit(0)')\nassert False, 'x'\n",
    "trace sets lineno to end": (
        "import sys\ndef tr(f, e, a):\n    if e == 'line' and f.f_code.co_name == '<module>':\n"
        "        try: f.f_lineno = 99\n        except ValueError: pass\n    return tr\nsys.settrace(tr)\n"
        "sys._getframe().f_trace = tr\nx = 1\n1/0\nx = 2"
    ),
    "bdb jump": (
        "import bdb, sys\nclass B(bdb.Bdb):\n    def user_line(self, f):\n        self.set_quit()\nb = B()\n"
        "b.set_trace()\nx = 1\nassert False, 'x'\n"
    ),
    "threads race stop": (
        "import threading, os, signal, time\ndef f():\n    time.sleep(0.02)\n    os.write(2 + 1, b'+')\n"
        "    os.kill(os.getpid(), signal.SIGSTOP)\nfor _ in range(4):\n"
        "    threading.Thread(target=f, daemon=True).start()\ntime.sleep(0.5)\nassert False, 'x'\n"
    ),
    "SIGTSTP": "import signal, os\nos.write(2 + 1, b'+')\nsignal.raise_signal(signal.SIGTSTP)\nassert False, 'x'\n",
    "dup report then own": "import os\nfd = os.dup(2 + 1)\nos.write(fd, b'+')\nos._exit(0)",
    "report wrong types": (
        "import os\n"
        'os.write(2 + 1, b\'{"stage": 7, "types": 3, "message": [], "errno": "x", "causes": 1, '
        '"functions": {}, "line": "x", "hub": 3, "raised_in": []}\')\n'
        "os._exit(0)"
    ),
    "report bigint": 'import os\nos.write(2 + 1, b\'{"line": \' + b\'1\' * 5000 + b\'}\')\nos._exit(0)',
    "report deep": "import os\nos.write(2 + 1, b'[' * 60000)\nos._exit(0)",
    "report inconclusive": (
        "import os\n"
        'os.write(2 + 1, b\'{"stage": "run", "types": ["MemoryError"], "message": "", '
        '"errno": null, "causes": [], "functions": [], "line": 1, "hub": null, '
        '"raised_in": "snippet", "missing_module": null}\')\n'
        "os._exit(0)"
    ),
    "recursion limit tiny": "import sys\nsys.setrecursionlimit(12)\n1/0",
    "thread local finalizer": (
        "import threading\nclass A:\n    def __del__(self): raise SystemExit(0)\nl = threading.local()\n"
        "l.a = A()\n1/0"
    ),
    "asyncgen hooks": (
        "import sys\nsys.set_asyncgen_hooks(firstiter=lambda g: sys.exit(0))\nasync def a():\n    yield 1\n"
        "async def m():\n    async for _ in a(): pass\nimport asyncio\nasyncio.run(m())\nassert False, 'x'\n"
    ),
    "__main__ module swapped": "import sys, types\nsys.modules['__main__'] = types.ModuleType('__main__')\n1/0",
    "coroutine never awaited exit": "async def f():\n    raise SystemExit(0)\nf()\n1/0",
}  # fmt: skip

LACKS_TOO = {
    "a display": "import tkinter\ntkinter.Tk()",
    "descriptors of others": "import socket\na, b = socket.socketpair()\nsocket.send_fds(a, [b'x'], [0])",
}
TABLES = {"passes": PASSES, "faults": FAULTS, "lacks": LACKS | LACKS_TOO, "guards": GUARDS}


@pytest.fixture(scope="module")
def verdicts(executor: Executor) -> Mapping[str, Mapping[str, Verdict]]:
    """By table and name."""
    codes = [code for table in TABLES.values() for code in table.values()]
    found = dict(zip(codes, executor.run(codes), strict=True))
    return {name: {one: found[code] for one, code in table.items()} for name, table in TABLES.items()}


@pytest.mark.parametrize("name", list(PASSES))
def test_an_ordinary_program_passes(verdicts: Mapping[str, Mapping[str, Verdict]], name: str) -> None:
    verdict = verdicts["passes"][name]
    assert verdict.status == "pass", verdict


@pytest.mark.parametrize("name", list(FAULTS))
def test_one_that_fails_is_a_fault_in_clean_words(verdicts: Mapping[str, Mapping[str, Verdict]], name: str) -> None:
    verdict = verdicts["faults"][name]
    assert verdict.status == "fault" and verdict.kind != "forged", verdict
    assert verdict.message.isprintable() and len(verdict.message) <= 500


@pytest.mark.parametrize("name", list(LACKS | LACKS_TOO))
def test_what_the_sandbox_lacks_is_not_held_against_one(
    verdicts: Mapping[str, Mapping[str, Verdict]], name: str
) -> None:
    verdict = verdicts["lacks"][name]
    if "'tkinter'" in verdict.message:
        pytest.skip("this interpreter was built without tkinter")
    assert verdict.status == "inconclusive", verdict


@pytest.mark.parametrize("name", list(GUARDS))
def test_one_whose_last_statement_was_not_done_does_not_pass(
    verdicts: Mapping[str, Mapping[str, Verdict]], name: str
) -> None:
    verdict = verdicts["guards"][name]
    assert verdict.status != "pass", verdict


def test_the_interpreter_says_the_same(tmp_path: Path) -> None:
    def ends_well(item: tuple[int, str]) -> bool:
        directory = tmp_path / str(item[0])
        directory.mkdir()
        (directory / "snippet.py").write_text(item[1], errors="surrogateescape")
        process = subprocess.Popen(
            [sys.executable, "snippet.py"],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return process.wait(30) == 0

    codes = [*PASSES.values(), *FAULTS.values()]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(ends_well, enumerate(codes)))
    wrong = [code for code, well in zip(codes, ended, strict=True) if well != (code in PASSES.values())]
    assert not wrong

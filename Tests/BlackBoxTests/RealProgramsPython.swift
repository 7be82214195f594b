// SPDX-License-Identifier: MIT
//
// Real programs on the library: CPython, its own test suite, and the proof of who serves malloc.

import Testing

@Suite struct RealProgramsPython {
    /// A python3 that has its own test suite, and the modules of it that are present.
    static let tested: (python: String, modules: [String])? = {
        let wanted = [
            "test_list", "test_dict", "test_json", "test_threading", "test_sqlite3", "test_set",
            "test_bytes", "test_unicode", "test_zlib", "test_deque", "test_array",
            "test_memoryview", "test_struct", "test_re", "test_gc", "test_weakref",
            "test_pickle", "test_itertools", "test_fork1", "test_thread",
        ]
        let script = """
            import importlib.util, sys
            print(" ".join(m for m in sys.argv[1:] if importlib.util.find_spec("test." + m)))
            """
        for python in ["python3", "/usr/bin/python3"] {
            let modules = Command([python, "-c", script] + wanted).run().output
                .split(whereSeparator: \.isWhitespace).map(String.init)
            if modules.count > 5 { return (executable(python), modules) }
        }
        return nil
    }()

    /// The interpreter itself where `python` is a script that chooses one.
    static func executable(_ python: String) -> String {
        let outcome = Command([python, "-c", "import sys; print(sys.executable, end='')"]).run()
        return outcome.isSuccess ? outcome.output : python
    }

    static let python = executable("python3")

    @Test(Installed.needs("python3"), arguments: ["pymalloc", "malloc", "malloc_debug"])
    func pythonIsTheSame(allocator: String) throws {
        try expectSameOutput(
            [Self.python, Sources.path("python_mix.py")],
            environment: ["PYTHONMALLOC": allocator, "PYTHONHASHSEED": "0"])
    }

    @Test(
        Installed.needs("no python3 with its test suite", RealProgramsPython.tested != nil),
        arguments: ["pymalloc", "malloc"])
    func passesItsOwnTests(allocator: String) throws {
        let (python, modules) = try #require(Self.tested)
        let folder = try TemporaryFolder()
        // That one fails wherever a site's .pth file imports threading, whoever serves malloc.
        let options = ["-j2", "--timeout", "120", "-i", "test_import_from_another_thread"]
        // The mallocs of CPython differ in who serves small objects: all modules with the one
        // that leaves everything to the library, some with the usual one.
        let some = allocator == "malloc" ? modules : Array(modules.prefix(5))
        var command = Command([python, "-m", "test"] + options + some)
        command.environment = ["PYTHONMALLOC": allocator, "TMPDIR": folder.path]
        command.directory = folder.path
        expectSuccess(command.run(on: .hakmem), command.words)
    }

    @Test(Installed.needs("python3")) func isServedByTheLibrary() throws {
        let words = [Self.python, Sources.path("python_maps.py"), "libhakmem.so"]
        let outcome = Command(words).run(on: .hakmem)
        expectSuccess(outcome, words)
        #expect(outcome.output == "['\(Product.library)']\nTrue\n")
        let plain = Command(words).run(on: .libc)
        #expect(plain.output == "[]\nFalse\n")
    }

    /// The summary at exit, with calls in it, proves that the calls came to the library.
    @Test(Installed.needs("python3")) func countsItsCalls() throws {
        let outcome = expectSuccess(
            [Self.python, "-c", "print(len([str(i) * 200 for i in range(50000)]))"],
            environment: ["HAKMEM_STATS": "1"])
        #expect(outcome.output == "50000\n")
        let summary = outcome.errors.split(separator: "\n")
        #expect(summary.contains { $0.hasPrefix("hakmem:") }, "\(outcome.errors)")
        let numbers = outcome.errors.split { !$0.isNumber }.compactMap { Int($0) }
        #expect(numbers.contains { $0 >= 50_000 }, "\(outcome.errors)")
    }
}

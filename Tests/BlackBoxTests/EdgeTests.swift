// SPDX-License-Identifier: MIT
//
// The edges of a process: before main, after its threads, around fork and exec, without memory.

import Testing

@Suite struct EdgeTests {
    @Test(Installed.needs("gcc")) func servesConstructorsAndDestructors() throws {
        let library = try Sources.library("constructor_library.c")
        let program = try Sources.program("constructor_main.c", [library])
        let outcome = expectSuccess([program])
        #expect(outcome.output == "ok\nfreed last\n")
    }

    @Test func servesDestructorsOfThreadKeys() {
        expectSuccess([Product.probes, "tls-destructors"])
    }

    @Test(Installed.needs("g++")) func servesThreadLocalDestructorsOfCxx() throws {
        expectSuccess([try Sources.program("thread_locals.cpp")])
    }

    @Test(Installed.needs("gcc")) func servesOpenedLibraries() throws {
        let plugin = try Sources.library("dlopen_plugin.c")
        expectSuccess([try Sources.program("dlopen_host.c"), plugin])
    }

    /// Libraries that would look in glibc first use this malloc like all others, and are found
    /// where their opener says; unless the user wants them as they are.
    @Test(Installed.needs("gcc"), arguments: [("drop", "same\n"), ("keep", "another\n")])
    func servesDeeplyBoundLibraries(option: String, whose: String) throws {
        let plugin = try Sources.library("dlopen_plugin.c")
        let name = String(plugin.split(separator: "/").last!)
        let host = try Sources.program("deepbind_host.c", ["-Wl,-rpath,$ORIGIN"])
        let outcome = expectSuccess(
            [host, name], environment: ["HAKMEM_DEEPBIND": option])
        #expect(outcome.output == whose)
    }

    /// The library as a second heap, opened while threads run on the first.
    @Test(Installed.needs("gcc")) func canItselfBeOpened() throws {
        let words = [try Sources.program("dlopen_hakmem.c"), Product.library]
        expectSuccess(Command(words).run(on: .libc), words)
    }

    @Test func servesSignalHandlers() {
        expectSuccess([Product.probes, "signal"])
    }

    @Test func doesNotGrowWithThreads() {
        expectSuccess([Product.probes, "churn", "10000"])
    }

    @Test(arguments: [1, 4, 16]) func survivesForksOfBusyProcesses(threads: Int) {
        expectSuccess([Product.probes, "fork-storm", "200", "\(threads)"])
    }

    @Test(arguments: [1, 4, 16]) func servesChildrenWithOthersBlocks(threads: Int) {
        expectSuccess([Product.probes, "fork-orphans", "50", "\(threads)"])
    }

    /// What a process that waits has freed goes back if a thread is there for that, in forked
    /// children, too.
    @Test(Installed.needs("gcc")) func purgesWhileTheProgramWaits() throws {
        let outcome = expectSuccess(
            [try Sources.program("waiting.c")],
            environment: ["HAKMEM_PURGE_THREAD": "1", "HAKMEM_WHALE_CACHE_MB": "256"],
            secondsMax: 60)
        #expect(outcome.output == "two threads\n")
    }

    /// It does not keep a process that has ended.
    @Test(Installed.needs("gcc"), arguments: ["0", "1"], [[], ["raw"]])
    func endsWithTheLastThread(purgeThread: String, way: [String]) throws {
        let outcome = expectSuccess(
            [try Sources.program("last_thread.c")] + way,
            environment: ["HAKMEM_PURGE_THREAD": purgeThread], secondsMax: 30)
        #expect(outcome.output == "ok\n")
    }

    /// The thread that purges is started in each of many forked children, and their parents'
    /// threads go on.
    @Test func forksBesideAPurgeThread() {
        expectSuccess(
            [Product.probes, "fork-storm", "200", "4"], environment: ["HAKMEM_PURGE_THREAD": "1"])
    }

    @Test(Installed.needs("gcc")) func startsPrograms() throws {
        expectSuccess([try Sources.program("spawn.c")])
    }

    @Test(Installed.needs("gcc")) func staysWithinASandbox() throws {
        expectSuccess([try Sources.program("sandbox.c")])
    }

    /// What a program that does nothing costs, against the same program on glibc.
    @Test(Installed.needs("gcc")) func costsASmallProgramLittle() throws {
        let overheadKiBMax = 512
        let words = [try Sources.program("footprint.c")]
        let figures = try Malloc.allCases.map { malloc in
            // Several runs, as the loader's share varies by some pages; the least is the program's.
            try (0..<5).map { _ in
                let outcome = Command(words).run(on: malloc)
                expectSuccess(outcome, words)
                let text = outcome.output.filter(\.isNumber)
                return try #require(Int(text), "\(outcome.output)")
            }.min()!
        }
        #expect(figures[1] <= figures[0] + overheadKiBMax, "\(figures) KiB")
    }
}

/// Memory that the system refuses, by limits and by injected failures.
@Suite struct RefusalTests {
    /// These programs run for a second; one that spins on a refusal need not be waited for long.
    static let refusalSecondsMax = 40

    @Test(Installed.needs("gcc"), arguments: [64, 128, 1024])
    func livesWithinAnAddressSpaceLimit(mebibytes: Int) throws {
        try expectWithinLimit("ulimit -v", mebibytes)
    }

    @Test(Installed.needs("gcc"), arguments: [64, 256])
    func livesWithinADataLimit(mebibytes: Int) throws {
        try expectWithinLimit("ulimit -d", mebibytes)
    }

    private func expectWithinLimit(_ limit: String, _ mebibytes: Int) throws {
        let program = try Sources.program("address_limit.c")
        try expectUnder(limit, mebibytes, "\(program) \(mebibytes)")
    }

    /// Ordinary programs start and work in 64 MiB of address space.
    @Test(arguments: ["ls -l /usr", "sort /etc/passwd", "grep -c root /etc/passwd", "bash -c 'ls'"])
    func runsProgramsInLittleAddressSpace(line: String) throws {
        try expectUnder("ulimit -v", 64, line)
    }

    /// The shell that sets the limit runs on libc; the program that it becomes, on the library.
    private func expectUnder(_ limit: String, _ mebibytes: Int, _ line: String) throws {
        let script = "\(limit) \(mebibytes * 1024) && LD_PRELOAD=\"$0\" exec \(line)"
        let words = ["bash", "-c", script, Product.library]
        let outcome = Command(words).run()
        expectSuccess(outcome, words)
        #expect(!outcome.errors.contains("cannot be preloaded"))
    }

    /// From some moment on the kernel gives nothing any more.
    @Test(Installed.needs("gcc"), arguments: [0, 10, 300, 5000])
    func survivesTheEndOfMemory(steps: Int) throws {
        expectSuccess(
            [try Sources.program("refused.c"), "\(steps)"], secondsMax: Self.refusalSecondsMax)
    }

    /// One refused call, whichever of the first ones it is.
    @Test(Installed.needs("gcc")) func survivesAnyRefusedCall() throws {
        let calls = try countedCalls()
        for first in 1...min(calls, 80) { try inject(first: first, count: 1) }
    }

    /// All calls refused from one on, whichever of the first ones it is.
    @Test(Installed.needs("gcc")) func survivesRefusalsWithoutEnd() throws {
        for first in [1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 21, 30] {
            try inject(first: first, count: 1_000_000)
        }
    }

    /// How many calls for memory the program makes undisturbed.
    private func countedCalls() throws -> Int {
        let outcome = try inject(first: 0, count: 0)
        let count = outcome.errors.split(separator: " ").last.flatMap {
            Int($0.filter(\.isNumber))
        }
        return max(try #require(count, "\(outcome.errors)"), 1)
    }

    @discardableResult
    private func inject(first: Int, count: Int) throws -> Outcome {
        let program = try Sources.program("injected.c")
        let words = [try Sources.program("injector.c"), "\(first)", "\(count)", program]
        var command = Command(words)
        command.environment["INJECTOR_PRELOAD"] = Product.library
        command.secondsMax = Self.refusalSecondsMax
        let outcome = command.run()
        expectSuccess(outcome, words)
        return outcome
    }
}

// SPDX-License-Identifier: MIT
//
// Real programs on the library: interpreters, virtual machines and compilers.

import Testing

@Suite struct RealProgramsLanguages {
    @Test(Installed.needs("perl")) func perlIsTheSame() throws {
        try expectSameOutput(["perl", Sources.path("words.pl")])
    }

    @Test(Installed.needs("tclsh")) func tclIsTheSame() throws {
        try expectSameOutput(["tclsh", Sources.path("tables.tcl")])
    }

    @Test(Installed.needs("lua5.4")) func luaIsTheSame() throws {
        try expectSameOutput(["lua5.4", Sources.path("tables.lua")])
    }

    /// Its extensions are opened with RTLD_DEEPBIND.
    @Test(Installed.needs("php")) func phpIsTheSame() throws {
        try expectSameOutput(["php", Sources.path("words.php")])
    }

    @Test(Installed.needs("node")) func nodeWithWorkersIsTheSame() throws {
        try expectSameOutput(["node", Sources.path("workers.js")])
    }

    @Test(Installed.needs("java")) func javaIsTheSame() throws {
        try expectSameOutput(["java", "-Xmx256m", Sources.path("Mix.java")])
    }

    /// Each compiler's object code, and what the compiled program prints.
    @Test(Installed.needs("g++"), arguments: ["-O0", "-O2"])
    func gccCompilesTheSame(level: String) throws {
        let script = """
            g++ -std=c++17 \(level) -c "$0" -o shapes.o && cksum < shapes.o
            g++ shapes.o -o shapes && ./shapes
            """
        try expectSameOutput(["bash", "-c", script, Sources.path("shapes.cpp")])
    }

    @Test(Installed.needs("gcc")) func gccCompilesCTheSame() throws {
        let script = """
            for file in reports spawn address_limit; do
              gcc -O2 -I "$0" -c "$0/$file.c" -o "$file.o" && cksum < "$file.o"
            done
            """
        try expectSameOutput(["bash", "-c", script, Sources.folder])
    }

    @Test(Installed.needs("clang++")) func clangCompilesTheSame() throws {
        let script = """
            clang++ -std=c++17 -O2 -c "$0" -o shapes.o && cksum < shapes.o
            clang++ shapes.o -o shapes && ./shapes
            """
        try expectSameOutput(["bash", "-c", script, Sources.path("shapes.cpp")])
    }

    @Test(Installed.needs("swiftc")) func swiftcCompilesTheSame() throws {
        let script = "swiftc -O -module-cache-path cache \"$0\" -o shapes && ./shapes"
        try expectSameOutput(["bash", "-c", script, Sources.path("shapes.swift")])
    }
}

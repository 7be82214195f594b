// SPDX-License-Identifier: MIT
//
// Real programs on the library: databases.

import Glibc
import Testing

@Suite struct RealProgramsServers {
    @Test(Installed.needs("sqlite3")) func sqliteIsTheSame() throws {
        let script = "sqlite3 rows.db < \"$0\" && sqlite3 rows.db .dump | cksum"
        try expectSameOutput(["bash", "-c", script, Sources.path("rows.sql")])
    }

    /// A server under load that saves in a forked child meanwhile, ends well, and starts again
    /// from what it saved.
    @Test(Installed.needs("redis-server", "redis-benchmark", "redis-cli"))
    func redisServesUnderLoad() throws {
        let script = """
            set -eu
            start() {
              redis-server --bind 127.0.0.1 --port 0 --unixsocket "$PWD/socket" \
                --save '' --dir "$PWD" --maxmemory 256mb --loglevel warning \
                >> log 2>&1 &
              server=$!
              for attempt in $(seq 1 2000); do
                ask ping > /dev/null 2>&1 && return
                kill -0 $server
              done
              cat log >&2
              exit 1
            }
            ask() { env -u LD_PRELOAD redis-cli -s "$PWD/socket" "$@"; }
            load() {
              env -u LD_PRELOAD redis-benchmark -s "$PWD/socket" -q -n 20000 -r 5000 "$@" \
                > /dev/null
            }
            start
            load -c 20 -d 100 -t set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100 &
            loading=$!
            ask bgsave
            wait $loading
            load -c 10 -d 20000 -n 3000 -t set,get
            for i in $(seq 1 50); do echo "set key$i $(seq -s, 1 $i)"; done | ask > /dev/null
            until ask bgsave | grep -q started; do kill -0 $server; done
            while ask info persistence | grep -q rdb_bgsave_in_progress:1; do kill -0 $server; done
            ask info persistence | grep -c rdb_last_bgsave_status:ok
            ask memory doctor > /dev/null && ask memory purge
            before=$(ask dbsize)
            ask shutdown save || true
            wait $server
            start
            test "$(ask dbsize)" = "$before" && echo reloaded
            ask get key50
            ask flushall && ask shutdown nosave || true
            wait $server
            """
        try expectSameOutput(["bash", "-c", script])
    }
}

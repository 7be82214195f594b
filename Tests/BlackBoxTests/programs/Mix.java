// SPDX-License-Identifier: MIT
// Threads, direct buffers and compression, which take memory outside of Java's own heap.
import java.nio.ByteBuffer;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

public class Mix {
  static long work(int seed) {
    CRC32 sum = new CRC32();
    for (int i = 0; i < 40; i++) {
      ByteBuffer buffer = ByteBuffer.allocateDirect(1000 + i * 5000);
      while (buffer.remaining() >= 4) buffer.putInt(seed * 31 + buffer.position());
      buffer.flip();
      byte[] bytes = new byte[buffer.remaining()];
      buffer.get(bytes);
      Deflater deflater = new Deflater();
      deflater.setInput(bytes);
      deflater.finish();
      byte[] packed = new byte[bytes.length + 100];
      sum.update(packed, 0, deflater.deflate(packed));
      deflater.end();
    }
    return sum.getValue();
  }

  public static void main(String[] arguments) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    List<Future<Long>> results = new ArrayList<>();
    for (int seed = 0; seed < 16; seed++) {
      final int own = seed;
      results.add(pool.submit(() -> work(own)));
    }
    for (Future<Long> result : results) System.out.println(result.get());
    pool.shutdown();
  }
}

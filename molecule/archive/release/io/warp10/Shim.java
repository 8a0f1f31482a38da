package io.warp10;

import java.io.File;
import java.io.FileWriter;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What version 2.1.0 wants of a configuration that was written for 3.5.0. */
final class Shim {
  private Shim() {
  }

  /** Put the one key that 3.5.0 no longer has before the last {@code rest} arguments. */
  static List<String> configuration(String[] args, int rest) throws Exception {
    File index = File.createTempFile("index", ".conf");
    index.deleteOnExit();
    try (FileWriter file = new FileWriter(index)) {
      file.write("warp.hash.index = hex:00000000000000000000000000000000\n");
    }
    List<String> all = new ArrayList<>(Arrays.asList(args));
    all.add(args.length - rest, index.getPath());
    return all;
  }

  static String read(File file) throws Exception {
    return new String(Files.readAllBytes(file.toPath()), "UTF-8");
  }
}

package io.warp10;

import java.io.File;
import java.nio.file.Files;
import java.util.Arrays;

/** The token generator under the name it has in the release, answering on its standard output as that does. */
public final class TokenGen {
  private TokenGen() {
  }

  public static void main(String[] args) throws Exception {
    File answer = File.createTempFile("tokens", ".json");
    answer.deleteOnExit();
    String[] all = Arrays.copyOf(args, args.length + 1);
    all[args.length] = answer.getPath();
    io.warp10.worf.TokenGen.main(all);
    System.out.print(new String(Files.readAllBytes(answer.toPath()), "UTF-8"));
  }
}

package io.warp10;

import java.io.File;
import java.util.List;

/** The token generator under the name it has in the release, answering on its standard output as that does. */
public final class TokenGen {
  private TokenGen() {
  }

  public static void main(String[] args) throws Exception {
    File answer = File.createTempFile("tokens", ".json");
    answer.deleteOnExit();
    List<String> all = Shim.configuration(args, 1);
    all.add(answer.getPath());
    io.warp10.worf.TokenGen.main(all.toArray(new String[0]));
    System.out.print(Shim.read(answer));
  }
}

package io.warp10;

/** The server under the name it has in the release. */
public final class Warp {
  private Warp() {
  }

  public static void main(String[] args) throws Exception {
    io.warp10.standalone.Warp.main(args);
  }
}

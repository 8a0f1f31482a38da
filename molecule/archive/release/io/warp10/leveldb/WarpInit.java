package io.warp10.leveldb;

/** The maker of an empty database under the name it has in the release. */
public final class WarpInit {
  private WarpInit() {
  }

  public static void main(String[] args) throws Exception {
    io.warp10.standalone.WarpInit.main(args);
  }
}

"""The steps of the public hands-on run unchanged: over one star, and over the whole database."""

from __future__ import annotations

import pytest

FETCHED = """
@HELLOEXOWORLD/GETREADTOKEN 'token' STORE
[ $token 'sap.flux' { 'KEPLERID' '6541920' }
  '2009-05-02T00:56:10.000000Z' '2013-05-11T12:02:06.000000Z' ] FETCH 'fetched' STORE
$fetched 0 GET 6 h 100 'record' TIMESPLIT 'records' STORE
"""


@pytest.mark.usefixtures("data")
class TestOneStar:
    def test_find_lists_every_series_to_a_guest(self, lab):
        (found,) = lab.execute("[ @HELLOEXOWORLD/GETREADTOKEN '~.*' {} ] FIND")
        # Guests also see the results of searches and the register.
        curves = [series for series in found if not series["c"].startswith(("transit.", "star."))]
        assert {"sap.flux", "pdcsap.flux"} == {series["c"] for series in curves}
        assert len({series["l"]["KEPLERID"] for series in curves}) > 10

    def test_split_into_records_keeps_every_point(self, lab):
        sizes, whole = lab.execute(FETCHED + "$fetched 0 GET SIZE $records <% DROP SIZE %> LMAP")
        assert whole == 65435
        assert len(sizes) > 10
        # The hands-on drops records of less than 100 points.
        assert 0.99 * whole < sum(sizes) <= whole

    def test_trend_is_taken_off_by_filter_bucketize_map_and_apply(self, lab):
        points, deepest, highest = lab.execute(
            FETCHED
            + """
            [ $records [] { 'record' '~[2-5]' } filter.bylabels ] FILTER 'some' STORE
            [ $some bucketizer.mean 0 2 h 0 ] BUCKETIZE 'buckets' STORE
            [ $buckets mapper.mean 12 12 0 ] MAP 'trend' STORE
            [ $buckets $trend [ 'record' ] op.sub ] APPLY
            <% DROP VALUES %> LMAP FLATTEN LSORT 'all' STORE
            $all -1 GET $all 0 GET $all SIZE
            """
        )
        assert points > 500
        # Kepler-11 has transits of up to 0.1 % below a mean of some 45,000 electrons a second.
        assert -200 < deepest < -20
        assert 0 < highest < 200

    def test_partition_over_all_stars(self, lab):
        (sizes,) = lab.execute(
            """
            [ @HELLOEXOWORLD/GETREADTOKEN '~.*flux' {}
              '2009-01-01T00:00:00Z' '2019-01-01T00:00:00Z' ] FETCH 'all' STORE
            [ $all bucketizer.median 0 1 d 0 ] BUCKETIZE
            [ 'KEPLERID' ] PARTITION
            VALUELIST <% DROP SIZE %> LMAP
            """
        )
        assert len(sizes) > 10
        assert set(sizes) <= {1, 2}

# kills.pl: kill -9 of a process in a long call; the server comes back, models
# and masks are as before, and work goes on.
use strict;
use warnings;
use LongCalls qw(long_call long_call_names);
use Session qw(run_sql kill_session);
use Time::HiRes qw(sleep);

my @names = long_call_names();
my $state = q{SELECT (SELECT string_agg(md5(m::text), '' ORDER BY model) FROM lesion_models m WHERE version IS NOT NULL)
	|| (SELECT count(*) FROM lesion_version)
	|| (SELECT md5(string_agg(lesion_segment(image, 'net'), '' ORDER BY id)) FROM archive)};
my $before;

return {
	prepare => sub { $before = run_sql($_[0]->database, $state); },
	step => sub {
		my ($campaign, $number) = @_;
		my $session = $campaign->session;
		$session->start(long_call($names[$number % @names]));
		sleep rand 1.5;
		kill_session($session) or $campaign->problem('the server does not come back');
		$campaign->forget_sessions;
		my $after = run_sql($campaign->database, $state);
		$campaign->problem("models or masks have changed: $before before, $after after") if $after ne $before;
	},
};

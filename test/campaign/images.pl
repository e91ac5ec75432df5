# images.pl: images with bytes changed at random, to what decodes them.
use strict;
use warnings;
use FindBin;
use Session qw(run_sql);

my $batch = 40;
my @seeds;
my @uses = (
	q{lesion_segment(b, 'net')}, q{lesion_image_info(b)}, q{lesion_dice(b, b)}, q{lesion_quality(b)},
	q{lesion_enhance(b)}, q{lesion_overlay(b, b)}, q{lesion_degrade(b, 'blur', 1)}, q{lesion_score_add(NULL, b, b)},
);

return {
	prepare => sub {
		my ($campaign) = @_;
		my $database = $campaign->database;
		@seeds = map { Campaign::slurp($_) } glob "$FindBin::Bin/../fuzz/corpus/{png,jpeg,bmp,mask}/*";
		push @seeds, pack 'H*', run_sql($database, q{SELECT encode(image, 'hex') FROM archive WHERE id = 'lesion-1'});
		run_sql($database, <<'SQL');
CREATE FUNCTION try(use text, b bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT %s', use) USING b;
	RETURN 'decoded';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || CASE WHEN SQLSTATE LIKE 'XX%' THEN ' ' || SQLERRM ELSE '' END;
END $$;
SQL
	},
	step => sub {
		my ($campaign) = @_;
		my @rows = map { sprintf '(%s)', Campaign::bytea(Campaign::mutated(Campaign::one_of(@seeds))) } 1 .. $batch;
		my $use = Campaign::one_of(@uses) =~ s/\bb\b/\$1/gr;
		my $answer = $campaign->query("SELECT try(\$\$$use\$\$, b), count(*) FROM (VALUES " . join(', ', @rows)
			. ") AS v (b) GROUP BY 1") // return;
		for my $line (split /\n/, $answer) {
			my ($state, $count) = $line =~ /^(.*)\|(\d+)$/ or next;
			$campaign->count($state, $count);
			$campaign->count('images', $count);
			$campaign->problem("an internal error in $use: $line") if $state =~ /^XX/;
		}
	},
};

/*
 * clusters.c: k-means of colours.
 */
#include <math.h>
#include <string.h>

#include "infer/classical/methods.h"

#define CLUSTERS_MAX 8
#define ROUNDS 30
#define EDGE 0.06				/* share of the shorter side: this band along the edges is mostly skin */

typedef struct Clusters
{
	int			count;
	Cielab		centres[CLUSTERS_MAX];
	int64_t		pixels[CLUSTERS_MAX];
	int64_t		at_edge[CLUSTERS_MAX];	/* how many of its pixels lie along the edges */
} Clusters;

static int
nearest_cluster(const Clusters *clusters, Cielab colour)
{
	float		least = INFINITY;
	int			nearest = 0;

	for (int k = 0; k < clusters->count; k++)
	{
		float		distance = cielab_distance(colour, clusters->centres[k]);

		nearest = distance < least ? k : nearest;
		least = fminf(least, distance);
	}
	return nearest;
}

/* Start with greys, evenly spread between the darkest and the lightest
 * pixel. */
static void
first_centres(const ClassicalFrame *frame, Clusters *clusters)
{
	float		least = INFINITY;
	float		most = -INFINITY;

	for (size_t i = 0; i < frame->count; i++)
		if (frame->valid[i] != 0)
		{
			least = fminf(least, frame->colours[i].l);
			most = fmaxf(most, frame->colours[i].l);
		}
	for (int k = 0; k < clusters->count; k++)
		clusters->centres[k] = (Cielab) {least + (most - least) * ((float) k + 0.5f) / (float) clusters->count, 10, 15};
}

/* Move the centres to the means of their pixels; true if any moved. */
static bool
move_centres(const ClassicalFrame *frame, Clusters *clusters)
{
	int			edge = (int) ceil(EDGE * (frame->width < frame->height ? frame->width : frame->height));
	double		sums[CLUSTERS_MAX][3] = {{0}};
	bool		moved = false;
	size_t		i = 0;

	memset(clusters->pixels, 0, sizeof clusters->pixels);
	memset(clusters->at_edge, 0, sizeof clusters->at_edge);
	for (int y = 0; y < frame->height; y++)
		for (int x = 0; x < frame->width; x++, i++)
		{
			int			k;

			if (frame->valid[i] == 0)
				continue;
			k = nearest_cluster(clusters, frame->colours[i]);
			clusters->pixels[k]++;
			clusters->at_edge[k] += x < edge || y < edge || x >= frame->width - edge || y >= frame->height - edge;
			sums[k][0] += frame->colours[i].l;
			sums[k][1] += frame->colours[i].a;
			sums[k][2] += frame->colours[i].b;
		}
	for (int k = 0; k < clusters->count; k++)
	{
		double		n = (double) clusters->pixels[k];
		Cielab		mean = {(float) (sums[k][0] / n), (float) (sums[k][1] / n), (float) (sums[k][2] / n)};

		if (n == 0)
			continue;
		moved |= cielab_distance(mean, clusters->centres[k]) > 0.05f;
		clusters->centres[k] = mean;
	}
	return moved;
}

/* Decide which clusters are lesion. */
static void
choose_clusters(const Clusters *clusters, bool *is_lesion)
{
	int			skin = 0;
	int			darkest = -1;

	for (int k = 1; k < clusters->count; k++)
		if (clusters->at_edge[k] > clusters->at_edge[skin])
			skin = k;
	for (int k = 0; k < clusters->count; k++)
		if (clusters->pixels[k] > 0 && clusters->centres[k].l < clusters->centres[skin].l &&
			(darkest < 0 || clusters->centres[k].l < clusters->centres[darkest].l))
			darkest = k;
	for (int k = 0; k < clusters->count; k++)
		is_lesion[k] = darkest >= 0 && k != skin && clusters->centres[k].l < clusters->centres[skin].l &&
			cielab_distance(clusters->centres[k], clusters->centres[darkest]) <
			cielab_distance(clusters->centres[k], clusters->centres[skin]);
}

Status
classical_kmeans(const Call *call, const ClassicalFrame *frame, const ClassicalOptions *options, uint8_t *lesion)
{
	Clusters	clusters = {.count = (int) options->clusters};
	bool		is_lesion[CLUSTERS_MAX];

	first_centres(frame, &clusters);
	for (int round = 0; round < ROUNDS; round++)
	{
		TRY(call_poll(call));
		if (!move_centres(frame, &clusters))
			break;
	}
	choose_clusters(&clusters, is_lesion);
	for (size_t i = 0; i < frame->count; i++)
		lesion[i] = frame->valid[i] != 0 && is_lesion[nearest_cluster(&clusters, frame->colours[i])] ? 255 : 0;
	return status_ok();
}

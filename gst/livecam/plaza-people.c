/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-people.c: who is on the plaza at a given second.
 *
 * People live in numbered slots. The first people_min slots hold wanderers on closed paths inside the view. Every
 * other slot holds a series of visits of fixed length: a walk from one edge of the view to another, taken or not as
 * the plaza is busy or quiet when the visit begins. Slots 2j and 2j+1 keep the same hours, and often walk side by
 * side. Paths bend around what stands in the way, and are walked at an even pace by arc length.
 */
#include "plaza-scene.h"

#include <math.h>

#define PATH_STRETCHES 96               /* of a path, even in its parameter; split where they come out long */
#define PATH_POINTS 512
#define LONG_STEP 0.45
#define MOST_SPLITS 14
#define BUSY_SECONDS 45.0               /* how fast the plaza fills and empties */
/* Wanderers stay in this part of the ground, all of it in every view. */
#define LOOP_X 9.4
#define LOOP_Y0 18.6
#define LOOP_Y1 44.5
#define SIDE_BY_SIDE 0.38               /* metres either side of the shared path */

enum { KEY_LOOK = 1, KEY_LOOP, KEY_VISIT, KEY_HOURS, KEY_BUSY, KEY_DRAW };

/* A stream of numbers drawn from one hash. */
typedef struct { guint64 key; guint n; } Dice;

static double
roll (Dice *dice)
{
  return plaza_unit (plaza_hash (dice->key, dice->n++, 0));
}

static double
roll_between (Dice *dice, double low, double high)
{
  return low + (high - low) * roll (dice);
}

static gboolean
chance (Dice *dice, double probability)
{
  return roll (dice) < probability;
}

static PlazaColor
rgb (guint hex)
{
  PlazaColor color = { (hex >> 16) / 255.0, (hex >> 8 & 255) / 255.0, (hex & 255) / 255.0 };

  return color;
}

#define PICK(dice, table) rgb (table[(int) (roll (dice) * G_N_ELEMENTS (table))])

static PlazaLook
look_for (guint64 key)
{
  static const guint skins[] = { 0xf1c9a5, 0xe8b48c, 0xd9a27a, 0xc68863, 0x9a6544, 0x6e4630, 0xf5d3b8 };
  static const guint hairs[] = { 0x2a1d16, 0x3d2a1e, 0x171413, 0x6b4a2c, 0xa8834f, 0x8c8780, 0x5a2f1c, 0xd0ccc4 };
  static const guint tops[] = { 0xc8372d, 0x2f5f9e, 0xf0efe9, 0x2c2f36, 0xe3b23c, 0x3f7d54, 0x8b4a7f, 0xd97b4f, 0x7fa7c9,
    0x59636e, 0xe9d8c0, 0x1f3b57, 0xb5485d, 0x6d7f3a, 0xf2f2f2, 0x242424, 0x3e8f9b };
  static const guint bottoms[] = { 0x27364f, 0x35465f, 0x2b2b2e, 0x5b5147, 0x8d8069, 0x3c3f3a, 0x52606e, 0xcdbf9f, 0x1d222b };
  static const guint shoes[] = { 0x201d1b, 0x4a3424, 0xe8e6e1, 0x2d3748, 0x7d2a23 };
  static const guint bags[] = { 0x8a2f2a, 0x2f4a3b, 0x31343b, 0x8c6a3d, 0x27507a, 0xc9a227 };
  Dice dice = { plaza_hash (key, KEY_LOOK, 0), 0 };
  PlazaLook look = { 0 };

  look.height = chance (&dice, 0.1) ? roll_between (&dice, 1.22, 1.42) : roll_between (&dice, 1.6, 1.88);
  look.skin = PICK (&dice, skins);
  look.hair = PICK (&dice, hairs);
  look.top = PICK (&dice, tops);
  look.bottom = PICK (&dice, bottoms);
  look.shoes = PICK (&dice, shoes);
  look.bag = PICK (&dice, bags);
  look.long_hair = chance (&dice, 0.36);
  look.skirt = look.long_hair && chance (&dice, 0.4);
  look.coat = !look.skirt && chance (&dice, 0.18);
  look.shorts = !look.skirt && !look.coat && chance (&dice, 0.14);
  look.backpack = chance (&dice, 0.2);
  look.shoulder_bag = !look.backpack && chance (&dice, 0.22);
  look.cap = !look.long_hair && chance (&dice, 0.14);
  if (look.skirt)
    look.bottom = chance (&dice, 0.5) ? look.top : PICK (&dice, tops);
  return look;
}

typedef struct {
  PlazaSpot spot[PATH_POINTS];
  double length[PATH_POINTS];   /* walked up to here */
  int n;
} Path;

/* Where a path would lead, for t in 0..1, if nothing stood in the way. */
typedef struct _Curve Curve;
struct _Curve {
  PlazaSpot (*at) (const Curve *curve, double t);
  PlazaSpot a, b, c;            /* visit: from, by way of, to; loop: centre, first and second swing */
  double p, q;                  /* loop: where the swings begin */
};

/* Pushes a spot out of everything it may not enter: the disc around a thing is mapped onto a ring around it. */
static PlazaSpot
step_aside (PlazaSpot spot)
{
  for (int i = 0; i < plaza_n_things; i++) {
    const PlazaThing *thing = &plaza_things[i];
    double dx = spot.x - thing->x, dy = spot.y - thing->y;
    double reach = 2.2 * thing->clearance;

    if (fabs (dx) >= reach || fabs (dy) >= reach)
      continue;
    double distance = hypot (dx, dy);

    if (distance >= reach || distance < 1e-6)
      continue;
    double away = (thing->clearance + distance * (reach - thing->clearance) / reach) / distance;

    spot.x = thing->x + dx * away;
    spot.y = thing->y + dy * away;
  }
  return spot;
}

/* The same for what corners cut off: nobody stands inside a thing. */
static PlazaSpot
keep_out (PlazaSpot spot)
{
  for (int i = 0; i < plaza_n_things; i++) {
    const PlazaThing *thing = &plaza_things[i];
    double dx = spot.x - thing->x, dy = spot.y - thing->y, square = dx * dx + dy * dy;

    if (square >= thing->clearance * thing->clearance || square < 1e-12)
      continue;
    spot.x = thing->x + dx * thing->clearance / sqrt (square);
    spot.y = thing->y + dy * thing->clearance / sqrt (square);
  }
  return spot;
}

static void
path_append (Path *path, PlazaSpot spot)
{
  int n = path->n++;

  path->spot[n] = spot;
  path->length[n] = n > 0 ? path->length[n - 1] + hypot (spot.x - path->spot[n - 1].x, spot.y - path->spot[n - 1].y) : 0;
}

/* Appends the path between two parameters; around a thing it leads past one side or the other, so a short stretch of the
 * curve may be long to walk. room: points that must stay free. */
static void
path_stretch (Path *path, const Curve *curve, double t0, PlazaSpot from, double t1, PlazaSpot to, int splits, int room)
{
  if (splits < MOST_SPLITS && path->n + room + MOST_SPLITS < PATH_POINTS
      && hypot (to.x - from.x, to.y - from.y) > LONG_STEP) {
    double t = (t0 + t1) / 2;
    PlazaSpot between = step_aside (curve->at (curve, t));

    path_stretch (path, curve, t0, from, t, between, splits + 1, room);
    path_stretch (path, curve, t, between, t1, to, splits + 1, room);
    return;
  }
  path_append (path, to);
}

static void
path_follow (Path *path, const Curve *curve)
{
  PlazaSpot from = step_aside (curve->at (curve, 0));

  path->n = 0;
  path_append (path, from);
  for (int i = 1; i <= PATH_STRETCHES; i++) {
    double t0 = (i - 1.0) / PATH_STRETCHES, t1 = i / (double) PATH_STRETCHES;
    PlazaSpot to = step_aside (curve->at (curve, t1));

    path_stretch (path, curve, t0, from, t1, to, 0, PATH_STRETCHES - i);
    from = to;
  }
}

static double
path_length (const Path *path)
{
  return path->length[path->n - 1];
}

static PlazaSpot
path_spot (const Path *path, double walked)
{
  int low = 0, high = path->n - 1;

  walked = CLAMP (walked, 0, path_length (path));
  while (high - low > 1) {
    int middle = (low + high) / 2;

    if (path->length[middle] <= walked)
      low = middle;
    else
      high = middle;
  }
  double span = path->length[high] - path->length[low];
  double t = span > 0 ? (walked - path->length[low]) / span : 0;
  PlazaSpot spot = { path->spot[low].x + t * (path->spot[high].x - path->spot[low].x),
    path->spot[low].y + t * (path->spot[high].y - path->spot[low].y) };

  return spot;
}

/* Puts a person of this look on the path; sideways is metres to the right of it. */
static void
path_place (const Path *path, double walked, double sideways, guint64 look_key, PlazaPerson *person)
{
  PlazaSpot here = path_spot (path, walked);
  PlazaSpot behind = path_spot (path, walked - 0.35), ahead = path_spot (path, walked + 0.35);
  double dx = ahead.x - behind.x, dy = ahead.y - behind.y, norm = hypot (dx, dy);

  person->hx = norm > 1e-6 ? dx / norm : 0;
  person->hy = norm > 1e-6 ? dy / norm : -1;
  here.x += sideways * person->hy;
  here.y -= sideways * person->hx;
  here = keep_out (here);
  person->x = here.x;
  person->y = here.y;
  person->look = look_for (look_key);
  person->phase = 2 * G_PI * walked / (0.82 * person->look.height);
  person->gait = 1;
}

static PlazaSpot
loop_at (const Curve *curve, double t)
{
  double angle = 2 * G_PI * t;
  PlazaSpot spot = { curve->a.x + curve->b.x * cos (angle + curve->p) + curve->c.x * cos (2 * angle + curve->q),
    curve->a.y + curve->b.y * sin (angle + curve->p) + curve->c.y * sin (2 * angle + curve->q) };

  return spot;
}

static void
path_loop (Path *path, guint64 key)
{
  Dice dice = { key, 0 };
  Curve curve = { .at = loop_at };

  curve.b.x = roll_between (&dice, 2.0, 4.2);
  curve.b.y = roll_between (&dice, 2.2, 5.2) * (chance (&dice, 0.5) ? 1 : -1);
  curve.c.x = roll_between (&dice, 0.3, 1.1);
  curve.c.y = roll_between (&dice, 0.3, 1.1);
  double free_x = LOOP_X - curve.b.x - curve.c.x, free_y = fabs (curve.b.y) + curve.c.y;

  curve.a.x = roll_between (&dice, -free_x, free_x);
  curve.a.y = roll_between (&dice, LOOP_Y0 + free_y, LOOP_Y1 - free_y);
  curve.p = roll_between (&dice, 0, 2 * G_PI);
  curve.q = roll_between (&dice, 0, 2 * G_PI);
  path_follow (path, &curve);
}

/* Where a walk may begin or end, just out of sight: the sides, below the camera, the alley and four doors. */
static PlazaSpot
gate (Dice *dice, int which, double half_tan)
{
  double y = roll_between (dice, 20, 29), out = half_tan * (y + 2.2) + 0.8;
  PlazaSpot spot = { -out, y };

  switch (which) {
    case 1:
      spot.x = out;
      break;
    case 2:
      spot.x = roll_between (dice, -5, 5);
      spot.y = 13.2;
      break;
    case 3:
      spot.x = roll_between (dice, PLAZA_ALLEY_X0 + 1, PLAZA_ALLEY_X1 - 1);
      spot.y = PLAZA_BACK_Y + 5;
      break;
    case 4:
      spot.x = chance (dice, 0.5) ? -8.75 : -14.25;
      spot.y = PLAZA_BACK_Y + 0.8;
      break;
    default:
      break;
  }
  return spot;
}

static PlazaSpot
visit_at (const Curve *curve, double t)
{
  double u = 1 - t;
  PlazaSpot spot = { u * u * curve->a.x + 2 * u * t * curve->b.x + t * t * curve->c.x,
    u * u * curve->a.y + 2 * u * t * curve->b.y + t * t * curve->c.y };

  return spot;
}

static void
path_visit (Path *path, guint64 key, double half_tan)
{
  Dice dice = { key, 0 };
  int from = (int) (roll (&dice) * 5), to = (from + 1 + (int) (roll (&dice) * 4)) % 5;
  Curve curve = { .at = visit_at, .a = gate (&dice, from, half_tan), .c = gate (&dice, to, half_tan) };

  curve.b.x = roll_between (&dice, -9, 9);
  curve.b.y = roll_between (&dice, 21, 42);
  /* In and out of the alley straight, not through its walls. */
  if (from == 3 || to == 3)
    curve.b.x = roll_between (&dice, PLAZA_ALLEY_X0 - 1, PLAZA_ALLEY_X1 - 1);
  path_follow (path, &curve);
}

/* Strolls and rests in turn: a quarter of the wanderers stop to look around. */
static void
place_wanderer (const PlazaCrowd *crowd, guint64 key, double seconds, PlazaPerson *person)
{
  Dice dice = { plaza_hash (crowd->seed, KEY_LOOP, key), 0 };
  double speed = roll_between (&dice, 0.9, 1.45), cycle = roll_between (&dice, 16, 30);
  double rest = chance (&dice, 0.3) ? roll_between (&dice, 3, 9) : 0;
  double time = seconds + roll_between (&dice, 0, 600);
  double turns = floor (time / cycle), into = time - turns * cycle, stride = cycle - rest;
  Path path;

  path_loop (&path, dice.key);
  double walked = speed * (turns * stride + MIN (into, stride));

  path_place (&path, fmod (walked, path_length (&path)), 0, dice.key, person);
  /* The phase follows the whole way walked, so it does not jump where the loop closes. */
  person->phase = 2 * G_PI * walked / (0.82 * person->look.height);
  if (rest > 0)
    person->gait = CLAMP (MIN (into, stride - into) / 0.4, 0, 1);
}

/* 0 quiet .. 1 busy, smooth. */
static double
busy_at (guint64 seed, double seconds)
{
  double knot = floor (seconds / BUSY_SECONDS), t = seconds / BUSY_SECONDS - knot;
  double a = plaza_unit (plaza_hash (seed, KEY_BUSY, (guint64) (gint64) knot));
  double b = plaza_unit (plaza_hash (seed, KEY_BUSY, (guint64) (gint64) knot + 1));

  t = t * t * (3 - 2 * t);
  return a + (b - a) * t;
}

/* FALSE when the slot's visit is skipped, or its walker has already left. */
static gboolean
place_visitor (const PlazaCrowd *crowd, int slot, double seconds, double half_tan, PlazaPerson *person)
{
  int pair = slot / 2;
  Dice hours = { plaza_hash (crowd->seed, KEY_HOURS, pair), 0 };
  double period = roll_between (&hours, 30, 40), shift = roll_between (&hours, 0, period);
  double visit = floor ((seconds + shift) / period), into = seconds + shift - visit * period;
  double rank = (slot - crowd->people_min + 0.5) / (crowd->people_max - crowd->people_min);
  guint64 pair_key = plaza_hash (crowd->seed, KEY_VISIT, plaza_hash (pair, (guint64) visit, 0));
  guint64 own_key = plaza_hash (pair_key, slot, 1);
  Dice dice = { pair_key, 1000 };
  gboolean together = chance (&dice, 0.35);
  double sideways = together ? (slot % 2 ? SIDE_BY_SIDE : -SIDE_BY_SIDE) : 0;
  Path path;

  if (1.2 * busy_at (crowd->seed, seconds - into) < rank)
    return FALSE;
  path_visit (&path, together ? pair_key : own_key, half_tan);
  double speed = CLAMP (path_length (&path) / (0.94 * period), 1.05, 1.75), walked = speed * into;

  if (walked >= path_length (&path))
    return FALSE;
  path_place (&path, walked, sideways, own_key, person);
  return TRUE;
}

int
plaza_people_at (const PlazaCrowd *crowd, double seconds, double half_tan, PlazaPerson *people)
{
  int n = 0;

  for (int slot = 0; slot < crowd->people_max; slot++) {
    if (slot < crowd->people_min) {
      place_wanderer (crowd, slot, seconds, &people[n++]);
    } else if (place_visitor (crowd, slot, seconds, half_tan, &people[n])) {
      n++;
    }
  }
  return n;
}

/* Within the 5:3 view with a step to spare. */
static gboolean
well_in_view (const PlazaPerson *person, double half_tan)
{
  return fabs (person->x) < half_tan * (person->y + 2) - 0.6 && person->y > 17.5 && person->y < PLAZA_BACK_Y - 1;
}

int
plaza_people_draw (const PlazaCrowd *crowd, guint64 draw, double share, double half_tan, PlazaPerson *people)
{
  Dice dice = { plaza_hash (crowd->seed, KEY_DRAW, draw), 0 };
  int n = crowd->people_min + (int) (share * (crowd->people_max - crowd->people_min + 1));

  for (int i = 0; i < n; i++) {
    PlazaPerson *person = &people[i];
    Path path;

    if (chance (&dice, 0.4)) {
      place_wanderer (crowd, plaza_hash (draw, i, 0), 0, person);
      continue;
    }
    for (int attempt = 0; attempt < 8; attempt++) {
      guint64 key = plaza_hash (dice.key, i, attempt);

      path_visit (&path, key, half_tan);
      path_place (&path, roll (&dice) * path_length (&path), 0, key, person);
      if (well_in_view (person, half_tan))
        break;
    }
  }
  return n;
}

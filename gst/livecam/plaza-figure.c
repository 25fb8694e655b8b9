/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plaza-figure.c: the walk cycle, and the figure drawn limb by limb from the far side to the near one. Lengths are
 * those of a person 1.75 m tall, scaled to the height of each.
 */
#include "plaza-figure.h"

#include <math.h>

#define THIGH 0.44
#define SHIN 0.42
#define UPPER_ARM 0.29
#define FOREARM 0.26
#define LAMP_SHADE 0.55                 /* of a lamp's light that the nearest one gives */
#define LONGEST_SHADOW 14.0             /* metres; longer ones are cut where they would fade anyway */

static PlazaPoint
offset (PlazaPoint from, const PlazaPerson *person, double forward, double sideways, double up)
{
  PlazaPoint point = { from.x + forward * person->hx + sideways * person->hy,
    from.y + forward * person->hy - sideways * person->hx, from.z + up };

  return point;
}

/* sign: -1 left, 1 right. Angles swing the limb forward from straight down. */
static void
pose_side (PlazaSide *side, const PlazaPerson *person, double sign, double s)
{
  double swing = sin (person->phase + (sign > 0 ? G_PI : 0)), lift = cos (person->phase + (sign > 0 ? G_PI : 0));
  double thigh = person->gait * (0.44 * swing + 0.06), bend = person->gait * (0.12 + 0.85 * MAX (0, lift));
  double arm = -person->gait * 0.5 * swing, elbow = 0.18 + person->gait * (0.25 - 0.2 * swing);
  PlazaPoint middle = { person->x, person->y, 0.93 * s }, shoulders = { person->x, person->y, 1.42 * s };

  side->hip = offset (middle, person, 0, sign * 0.085 * s, 0);
  side->knee = offset (side->hip, person, THIGH * s * sin (thigh), sign * 0.01 * s, -THIGH * s * cos (thigh));
  side->ankle = offset (side->knee, person, SHIN * s * sin (thigh - bend), 0, -SHIN * s * cos (thigh - bend));
  side->toe = offset (side->ankle, person, 0.15 * s, sign * 0.02 * s, -0.045 * s);
  side->shoulder = offset (shoulders, person, 0, sign * 0.185 * s, 0);
  side->elbow = offset (side->shoulder, person, UPPER_ARM * s * sin (arm), sign * 0.05 * s,
      -UPPER_ARM * s * cos (arm));
  side->hand = offset (side->elbow, person, FOREARM * s * sin (arm + elbow), 0, -FOREARM * s * cos (arm + elbow));
}

void
plaza_figure_pose (PlazaFigure *figure, const PlazaPerson *person)
{
  double s = person->look.height / 1.75;
  PlazaPoint ground = { person->x, person->y, 0 };

  figure->person = person;
  figure->scale = s;
  pose_side (&figure->side[0], person, -1, s);
  pose_side (&figure->side[1], person, 1, s);
  figure->pelvis = offset (ground, person, 0, 0, 0.95 * s);
  figure->chest = offset (ground, person, 0.02 * s, 0, 1.36 * s);
  figure->neck = offset (ground, person, 0.02 * s, 0, 1.46 * s);
  figure->head = offset (ground, person, 0.045 * s, 0, 1.61 * s);

  /* The body rides up and down so that the lower foot always stands on the ground. */
  double sink = MIN (figure->side[0].ankle.z, figure->side[1].ankle.z) - 0.07 * s;

  for (int i = 0; i < 2; i++) {
    PlazaSide *side = &figure->side[i];

    side->hip.z -= sink;
    side->knee.z -= sink;
    side->ankle.z -= sink;
    side->toe.z -= sink;
    side->shoulder.z -= sink;
    side->elbow.z -= sink;
    side->hand.z -= sink;
  }
  figure->pelvis.z -= sink;
  figure->chest.z -= sink;
  figure->neck.z -= sink;
  figure->head.z -= sink;
}

gboolean
plaza_figure_bounds (const PlazaFigure *figure, const PlazaCamera *camera, int *x0, int *y0, int *x1, int *y1)
{
  PlazaPoint foot = { figure->person->x, figure->person->y, 0 };
  PlazaPoint top = { foot.x, foot.y, figure->person->look.height + 0.1 };
  double fx, fy, tx, ty;

  if (!plaza_camera_project (camera, foot, &fx, &fy) || !plaza_camera_project (camera, top, &tx, &ty))
    return FALSE;
  double metre = camera->focal / plaza_camera_depth (camera, top);

  *x0 = (int) floor (MIN (fx, tx) - 0.75 * metre) - 1;
  *x1 = (int) ceil (MAX (fx, tx) + 0.75 * metre) + 1;
  *y0 = (int) floor (ty - 0.1 * metre) - 1;
  *y1 = (int) ceil (fy + 0.3 * metre) + 2;
  return TRUE;
}

typedef struct {
  cairo_t *cr;
  const PlazaCamera *camera;
  const PlazaTones *tones;
  double metre;                 /* pixels per metre at the figure */
} Pen;

static PlazaColor
times (PlazaColor a, PlazaColor b)
{
  PlazaColor color = { MIN (a.r * b.r, 1), MIN (a.g * b.g, 1), MIN (a.b * b.b, 1) };

  return color;
}

/* Round things and cloth: lit from the left, the front and the right across the given pixels. */
static void
set_source_across (Pen *pen, PlazaColor color, double x0, double x1)
{
  cairo_pattern_t *pattern = cairo_pattern_create_linear (x0, 0, x1, 0);
  PlazaColor left = times (color, pen->tones->left), front = times (color, pen->tones->front);
  PlazaColor right = times (color, pen->tones->right);

  cairo_pattern_add_color_stop_rgb (pattern, 0, left.r, left.g, left.b);
  cairo_pattern_add_color_stop_rgb (pattern, 0.5, front.r, front.g, front.b);
  cairo_pattern_add_color_stop_rgb (pattern, 1, right.r, right.g, right.b);
  cairo_set_source (pen->cr, pattern);
  cairo_pattern_destroy (pattern);
}

static void
set_source_front (Pen *pen, PlazaColor color, double factor)
{
  PlazaColor c = times (color, pen->tones->front);

  cairo_set_source_rgb (pen->cr, MIN (c.r * factor, 1), MIN (c.g * factor, 1), MIN (c.b * factor, 1));
}

static void
line_through (Pen *pen, const PlazaPoint *points, int n)
{
  for (int i = 0; i < n; i++) {
    double x = 0, y = 0;

    plaza_camera_project (pen->camera, points[i], &x, &y);
    if (i == 0)
      cairo_move_to (pen->cr, x, y);
    else
      cairo_line_to (pen->cr, x, y);
  }
}

static void
limb (Pen *pen, const PlazaPoint *points, int n, double thick, PlazaColor color, double factor)
{
  set_source_front (pen, color, factor);
  cairo_set_line_width (pen->cr, thick * pen->metre);
  line_through (pen, points, n);
  cairo_stroke (pen->cr);
}

static void
disc (Pen *pen, PlazaPoint centre, double radius, PlazaColor color)
{
  double x, y;

  if (!plaza_camera_project (pen->camera, centre, &x, &y))
    return;
  set_source_across (pen, color, x - radius * pen->metre, x + radius * pen->metre);
  cairo_new_sub_path (pen->cr);
  cairo_arc (pen->cr, x, y, radius * pen->metre, 0, 2 * G_PI);
  cairo_fill (pen->cr);
}

static void
draw_leg (Pen *pen, const PlazaFigure *figure, const PlazaSide *side, double factor)
{
  const PlazaLook *look = &figure->person->look;
  double s = figure->scale;
  const PlazaPoint thigh[] = { side->hip, side->knee }, shin[] = { side->knee, side->ankle };
  const PlazaPoint foot[] = { side->ankle, side->toe };
  gboolean bare = look->skirt || look->shorts;

  limb (pen, foot, 2, 0.085 * s, look->shoes, factor);
  limb (pen, shin, 2, (bare ? 0.095 : 0.12) * s, bare ? look->skin : look->bottom, factor * 0.96);
  limb (pen, thigh, 2, 0.155 * s, look->skirt ? look->skin : look->bottom, factor);
}

static void
draw_arm (Pen *pen, const PlazaFigure *figure, const PlazaSide *side, double factor)
{
  const PlazaLook *look = &figure->person->look;
  double s = figure->scale;
  const PlazaPoint arm[] = { side->shoulder, side->elbow, side->hand };

  limb (pen, arm, 3, 0.095 * s, look->top, factor);
  disc (pen, side->hand, 0.05 * s, look->skin);
}

/* A band of cloth around the body: half widths in metres at the upper and lower end. */
static void
cloth (Pen *pen, const PlazaFigure *figure, PlazaPoint upper, double half_up, PlazaPoint lower, double half_low,
    PlazaColor color)
{
  double ux, uy, lx, ly, wu = half_up * pen->metre * figure->scale, wl = half_low * pen->metre * figure->scale;

  if (!plaza_camera_project (pen->camera, upper, &ux, &uy) || !plaza_camera_project (pen->camera, lower, &lx, &ly))
    return;
  set_source_across (pen, color, MIN (ux - wu, lx - wl), MAX (ux + wu, lx + wl));
  cairo_move_to (pen->cr, ux - wu, uy);
  cairo_curve_to (pen->cr, ux - wu * 0.6, uy - wu * 0.45, ux + wu * 0.6, uy - wu * 0.45, ux + wu, uy);
  cairo_line_to (pen->cr, lx + wl, ly);
  cairo_curve_to (pen->cr, lx + wl * 0.5, ly + wl * 0.3, lx - wl * 0.5, ly + wl * 0.3, lx - wl, ly);
  cairo_close_path (pen->cr);
  cairo_fill (pen->cr);
}

static void
draw_torso (Pen *pen, const PlazaFigure *figure)
{
  const PlazaPerson *person = figure->person;
  const PlazaLook *look = &person->look;
  double s = figure->scale, broad = fabs (person->hy);
  PlazaPoint shoulders = offset (figure->chest, person, 0, 0, 0.05 * s);
  PlazaPoint knees = offset (figure->pelvis, person, 0, 0, -0.42 * s);
  PlazaPoint hem = offset (figure->pelvis, person, 0, 0, (look->coat ? -0.34 : -0.1) * s);

  if (look->skirt)
    cloth (pen, figure, figure->pelvis, 0.14 + 0.03 * broad, knees, 0.2 + 0.03 * broad, look->bottom);
  cloth (pen, figure, shoulders, 0.125 + 0.085 * broad, hem, (look->coat ? 0.165 : 0.135) + 0.03 * broad, look->top);
}

static void
draw_backpack (Pen *pen, const PlazaFigure *figure)
{
  double s = figure->scale, broad = fabs (figure->person->hy);
  PlazaPoint upper = offset (figure->chest, figure->person, -0.16 * s, 0, 0.02 * s);
  PlazaPoint lower = offset (figure->pelvis, figure->person, -0.17 * s, 0, 0.08 * s);

  cloth (pen, figure, upper, 0.08 + 0.07 * broad, lower, 0.09 + 0.07 * broad, figure->person->look.bag);
}

static void
draw_shoulder_bag (Pen *pen, const PlazaFigure *figure)
{
  double s = figure->scale;
  PlazaPoint bag = offset (figure->pelvis, figure->person, -0.03 * s, 0.22 * s, -0.02 * s);
  PlazaPoint low = offset (bag, figure->person, 0, 0, -0.18 * s);
  const PlazaPoint strap[] = { offset (figure->chest, figure->person, 0, -0.1 * s, 0.06 * s), bag };

  limb (pen, strap, 2, 0.03 * s, figure->person->look.bag, 0.8);
  cloth (pen, figure, bag, 0.11, low, 0.12, figure->person->look.bag);
}

static void
draw_head (Pen *pen, const PlazaFigure *figure)
{
  const PlazaPerson *person = figure->person;
  const PlazaLook *look = &person->look;
  double s = figure->scale;
  PlazaColor crown = look->cap ? look->bag : look->hair;
  PlazaPoint face = offset (figure->head, person, 0.035 * s, 0, -0.02 * s);
  PlazaPoint scalp = offset (figure->head, person, -0.02 * s, 0, 0.025 * s);
  const PlazaPoint throat[] = { figure->neck, figure->head };
  const PlazaPoint mane[] = { scalp, offset (figure->neck, person, -0.07 * s, 0, -0.06 * s) };
  gboolean facing = person->hy < 0.35;

  limb (pen, throat, 2, 0.1 * s, look->skin, 0.9);
  if (look->long_hair && facing)
    limb (pen, mane, 2, 0.2 * s, look->hair, 0.95);
  disc (pen, scalp, 0.122 * s, crown);
  if (facing)
    disc (pen, face, 0.1 * s, look->skin);
  if (facing) {
    PlazaPoint brow = offset (figure->head, person, -0.005 * s, 0, 0.065 * s);

    disc (pen, brow, 0.092 * s, crown);
  } else if (look->long_hair) {
    limb (pen, mane, 2, 0.21 * s, look->hair, 1);
  }
}

void
plaza_figure_draw (const PlazaFigure *figure, const PlazaCamera *camera, cairo_t *cr, const PlazaTones *tones)
{
  const PlazaPerson *person = figure->person;
  Pen pen = { cr, camera, tones, camera->focal / plaza_camera_depth (camera, figure->chest) };
  int far = figure->side[0].hip.y > figure->side[1].hip.y ? 0 : 1;
  const PlazaSide *behind = &figure->side[far], *before = &figure->side[1 - far];

  cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);
  cairo_set_line_join (cr, CAIRO_LINE_JOIN_ROUND);
  if (person->look.backpack && person->hy <= 0)
    draw_backpack (&pen, figure);
  draw_arm (&pen, figure, behind, 0.8);
  draw_leg (&pen, figure, behind, 0.82);
  draw_leg (&pen, figure, before, 1);
  draw_torso (&pen, figure);
  if (person->look.backpack && person->hy > 0)
    draw_backpack (&pen, figure);
  if (person->look.shoulder_bag)
    draw_shoulder_bag (&pen, figure);
  draw_head (&pen, figure);
  draw_arm (&pen, figure, before, 1.04);
}

typedef struct {
  PlazaPoint light;             /* direction to the sun, or place of the lamp */
  gboolean lamp;
} Caster;

static PlazaPoint
thrown (const Caster *caster, PlazaPoint point)
{
  PlazaPoint light = caster->light;
  double dx, dy;

  if (caster->lamp) {
    double t = point.z / MAX (light.z - point.z, 0.2);

    dx = (point.x - light.x) * t;
    dy = (point.y - light.y) * t;
  } else {
    double t = point.z / MAX (light.z, 0.02);

    dx = -light.x * t;
    dy = -light.y * t;
  }
  double length = hypot (dx, dy), cut = length > LONGEST_SHADOW ? LONGEST_SHADOW / length : 1;
  PlazaPoint shadow = { point.x + dx * cut, point.y + dy * cut, 0 };

  return shadow;
}

static void
throw_limb (Pen *pen, const Caster *caster, const PlazaPoint *points, int n, double thick)
{
  PlazaPoint ground[3];

  for (int i = 0; i < n; i++) {
    ground[i] = thrown (caster, points[i]);
    if (ground[i].y < 2)
      return;
  }
  cairo_set_line_width (pen->cr, MAX (thick * pen->metre, 0.8));
  line_through (pen, ground, n);
  cairo_stroke (pen->cr);
}

static void
throw_figure (const PlazaFigure *figure, const PlazaCamera *camera, cairo_t *cr, const Caster *caster)
{
  PlazaPoint foot = { figure->person->x, figure->person->y, 0 };
  Pen pen = { cr, camera, NULL, camera->focal / plaza_camera_depth (camera, foot) };
  const PlazaPoint trunk[] = { figure->pelvis, figure->chest }, head[] = { figure->neck, figure->head };
  const PlazaLook *look = &figure->person->look;
  double s = figure->scale;

  cairo_set_source_rgba (cr, 0, 0, 0, 1);
  cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);
  cairo_set_line_join (cr, CAIRO_LINE_JOIN_ROUND);
  for (int i = 0; i < 2; i++) {
    const PlazaSide *side = &figure->side[i];
    const PlazaPoint leg[] = { side->hip, side->knee, side->ankle }, arm[] = { side->shoulder, side->elbow, side->hand };

    throw_limb (&pen, caster, leg, 3, (look->skirt || look->coat ? 0.2 : 0.14) * s);
    throw_limb (&pen, caster, arm, 3, 0.09 * s);
  }
  throw_limb (&pen, caster, trunk, 2, 0.34 * s);
  throw_limb (&pen, caster, head, 2, 0.2 * s);
}

void
plaza_figure_sun_shadow (const PlazaFigure *figure, const PlazaCamera *camera, cairo_t *cr, PlazaPoint sun)
{
  Caster caster = { sun, FALSE };

  cairo_save (cr);
  cairo_set_operator (cr, CAIRO_OPERATOR_DEST_OUT);
  throw_figure (figure, camera, cr, &caster);
  cairo_restore (cr);
}

void
plaza_figure_lamp_shadow (const PlazaFigure *figure, const PlazaCamera *camera, cairo_t *cr, PlazaPoint lamp)
{
  Caster caster = { lamp, TRUE };
  PlazaPoint foot = { figure->person->x, figure->person->y, 0 }, tip = thrown (&caster, figure->head);
  double x0, y0, x1, y1, margin = camera->focal / plaza_camera_depth (camera, foot);

  if (!plaza_camera_project (camera, foot, &x0, &y0) || !plaza_camera_project (camera, tip, &x1, &y1))
    return;
  cairo_save (cr);
  cairo_rectangle (cr, MIN (x0, x1) - margin, MIN (y0, y1) - margin, fabs (x1 - x0) + 2 * margin,
      fabs (y1 - y0) + 2 * margin);
  cairo_clip (cr);
  /* As a group: where limbs overlap, the shadow is no darker. */
  cairo_push_group_with_content (cr, CAIRO_CONTENT_ALPHA);
  throw_figure (figure, camera, cr, &caster);
  cairo_pop_group_to_source (cr);
  cairo_set_operator (cr, CAIRO_OPERATOR_DEST_OUT);
  cairo_paint_with_alpha (cr, LAMP_SHADE);
  cairo_restore (cr);
}

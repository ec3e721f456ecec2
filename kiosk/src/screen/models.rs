//! Lists on the screen, changed row by row: a new list makes new elements, and the focus would go
//! with the old ones.

use std::rc::Rc;

use slint::{Model as _, ModelRc, VecModel};

/// Makes `shown` hold `rows`. Where there are as many as before, the rows alone change; otherwise
/// the list to show instead is returned.
pub(super) fn updated<T: Clone + PartialEq + 'static>(
    shown: &ModelRc<T>,
    rows: Vec<T>,
) -> Option<ModelRc<T>> {
    let changeable = shown.as_any().is::<VecModel<T>>();
    if !changeable || shown.row_count() != rows.len() {
        return Some(Rc::new(VecModel::from(rows)).into());
    }
    for (at, row) in rows.into_iter().enumerate() {
        if shown.row_data(at).as_ref() != Some(&row) {
            shown.set_row_data(at, row);
        }
    }
    None
}

//! What operators do with the data of one user. Nothing is read before it is recorded.

mod access_record;
mod shown;

pub(crate) use self::{
    access_record::{Access, AccessRecord, RecordError},
    shown::{show_person, text_of},
};
